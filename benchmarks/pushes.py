"""How many images a second PostgreSQL takes from eight clients: into one repository, one registry, and eight.

PYTHONPATH=src:. python benchmarks/pushes.py

What differs is how long pushes wait for each other (docs/decisions/0008-locks-on-postgresql.md). The server syncs each
commit. An image is a manifest, one tag and one delivery; its layers are there already, and there is no HTTP.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.peers import postgresql
from twinport.catalog.ports import Connection
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import blobs, registries, repositories
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.clock import WallClock, WorldClock
from twinport.landing import pushes
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository
from twinport.model.manifests import OCI_MANIFEST, parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName, TagName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule

CLIENTS = 8
PUSHES_EACH = 40
ROUNDS = 3
REGION, AWAY = RegionName("eu-west-1"), RegionName("us-east-1")
CONFIG, LAYER = b"{}", b"layer"


def manifest(word: str) -> bytes:
    config, layer = (
        {"digest": str(Digest.of(content)), "size": len(content), "mediaType": "application/x"}
        for content in (CONFIG, LAYER)
    )
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    return json.dumps({**document, "annotations": {"n": word}}).encode()


async def prepare(catalog: PostgresCatalog, repository: RepositoryId) -> None:
    rule = ReplicationRule((Registry(repository.account, AWAY),))

    def make(db: Connection) -> None:
        now = catalog.now(db)
        row = repositories.insert(db, repository, NewRepository(), now)
        for content in (CONFIG, LAYER):
            digest = Digest.of(content)
            key = Key(f"{repository.account}-{repository.name}-{digest.hex}")
            blobs.record(db, NewBlob(digest, key, len(content)), now)
            blobs.link(db, row.id, digest, now)
        registries.set_replication(db, repository.account, ReplicationConfiguration((rule,)), "AROA")

    await catalog.region(REGION).write(make)


async def client(catalog: PostgresCatalog, repository: RepositoryId, word: str) -> None:
    for number in range(PUSHES_EACH):
        tag = TagName(f"{word}-{number}")
        content = manifest(tag)
        push = Push(content, OCI_MANIFEST, (tag,), None, Unchanged.ACCEPT)
        image = NewImage(Digest.of(content), content, parse_manifest(content, OCI_MANIFEST))
        await catalog.region(REGION).write(
            partial(store, catalog=catalog, repository=repository, push=push, image=image)
        )


def store(db: Connection, catalog: PostgresCatalog, repository: RepositoryId, push: Push, image: NewImage) -> None:
    pushes.store(db, repository, push, image, catalog.now(db))


async def pushes_a_second(catalog: PostgresCatalog, places: Sequence[RepositoryId], word: str) -> float:
    began = time.monotonic()
    await asyncio.gather(*(client(catalog, place, f"{word}-{n}") for n, place in enumerate(places)))
    return len(places) * PUSHES_EACH / (time.monotonic() - began)


async def measure(address: str) -> None:
    catalog = PostgresCatalog(address, WorldClock(WallClock()))
    accounts = [AccountId(f"{number:012d}") for number in range(1, CLIENTS + 1)]
    one = [RepositoryId(Registry(accounts[0], REGION), RepositoryName(f"team/{number}")) for number in range(CLIENTS)]
    many = [RepositoryId(Registry(account, REGION), RepositoryName("other")) for account in accounts]
    same = [one[0]] * CLIENTS
    for place in (*one, *many):
        await prepare(catalog, place)
    rates: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        for name, places in (("one repository", same), ("one registry", one), ("eight registries", many)):
            word = f"{name.replace(' ', '-')}-{number}"
            rates.setdefault(name, []).append(await pushes_a_second(catalog, places, word))
    for name, found in rates.items():
        print(f"{CLIENTS} clients into {name}: {max(found):.0f} pushes/s at best, {min(found):.0f} at worst")
    catalog.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = postgresql.start(Path(folder))
        asyncio.run(measure(server.new_address()))
        server.stop()


if __name__ == "__main__":
    main()
