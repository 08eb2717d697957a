"""What is there when nothing is under way any more: by the public door, and in the databases."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

from tests.histories.clients import Client, Door
from tests.histories.deployment import Deployment
from tests.histories.history import Delivery, Heard, Kind, Operation, Place

# A lease of half a minute, and the pauses after a few tries that met a database that was down.
SETTLING_SECONDS = 180.0
_WAITING = "SELECT repository, digest, tag, destination_account, attempts FROM delivery WHERE state = 'waiting'"
_DELIVERIES = (
    "SELECT id, source_account, repository, destination_account, destination_region, digest, tag, epoch, sequence, "
    "state FROM delivery"
)
_APPLIED = "SELECT account, repository, tag, epoch, sequence FROM applied_position"
_ARRIVALS = "SELECT delivery_id FROM arrival"


async def settled(deployment: Deployment, region: str) -> tuple[str, ...]:
    """Wait until no delivery waits; return those that still do when there is no more time."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while waiting := await asyncio.to_thread(deployment.rows, region, _WAITING):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    return tuple(str(row) for row in waiting)


async def tags(door: Door, place: Place) -> dict[str, str]:
    """List what every tag of a repository names: nothing, where nothing was carried to it yet."""

    def listed() -> dict[str, str]:
        pages = door.ecr.get_paginator("list_images").paginate(repositoryName=place.repository)
        try:
            images = [each for page in pages for each in page["imageIds"]]
        except door.ecr.exceptions.RepositoryNotFoundException:
            return {}
        return {each["imageTag"]: each["imageDigest"] for each in images if "imageTag" in each}

    return await asyncio.to_thread(listed)


async def looked_at(client: Client, place: Place, operations: list[Operation]) -> Mapping[str, str]:
    """Read at last every tag that was ever named, and every byte of every image that is there."""
    began = client.now()
    found = await tags(client.door(place), place)
    for tag in sorted({each.tag for each in operations if each.place == place and each.tag} | found.keys()):
        heard = Heard.DONE if tag in found else Heard.ABSENT
        client.note(Kind.READ_TAG, place, began, heard, tag=tag, digest=found.get(tag))
    return found


async def pulled(client: Client, place: Place, digests: list[str], *, at_once: int = 8) -> None:
    """Pull images whole."""
    turn = asyncio.Semaphore(at_once)

    async def one(digest: str) -> None:
        async with turn:
            await client.read_image(place, digest)

    async with asyncio.TaskGroup() as group:
        for digest in digests:
            group.create_task(one(digest))


def deliveries(deployment: Deployment, source_region: str, destination_region: str) -> tuple[Delivery, ...]:
    arrived = [delivery for (delivery,) in deployment.rows(destination_region, _ARRIVALS)]
    return tuple(
        Delivery(
            id=id_,
            source=Place(account, source_region, repository),
            destination=Place(to_account, to_region, repository),
            digest=digest,
            tag=tag,
            position=(epoch, sequence),
            state=state,
            arrivals=arrived.count(id_),
        )
        for id_, account, repository, to_account, to_region, digest, tag, epoch, sequence, state in deployment.rows(
            source_region, _DELIVERIES
        )
    )


def applied(deployment: Deployment, region: str) -> dict[tuple[Place, str], tuple[int, int]]:
    return {
        (Place(account, region, repository), tag): (epoch, sequence)
        for account, repository, tag, epoch, sequence in deployment.rows(region, _APPLIED)
    }


def settlements(*logs: Path) -> tuple[str, ...]:
    """The deliveries that were said to be settled as complete, as often as that was said."""
    found = []
    for line in (line for log in logs if log.exists() for line in log.read_text().splitlines()):
        if '"delivery.settled"' in line:
            event = json.loads(line)
            if event["outcome"] == "complete":
                found.append(event["delivery"])
    return tuple(found)
