"""A deployment with much in it: long lists, a long history, large documents."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import images, registries, repositories
from twinport.catalog.regional import schema as regional_schema
from twinport.catalog.regional.images import NewImage
from twinport.clock import WallClock
from twinport.model.content import Digest
from twinport.model.images import NewRepository
from twinport.model.manifests import OCI_INDEX, OCI_MANIFEST, parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName, TagName

ACCOUNT, REGION, REPOSITORY = "111111111111", "eu-west-1", "team/api"
REGISTRY = Registry(AccountId(ACCOUNT), RegionName(REGION))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
IMAGES, REFERRERS, REPOSITORIES, DELIVERIES, IDENTITIES = 2_000, 1_500, 1_200, 50_000, 1_200
_AT_ONCE = 200
SUBJECT = Digest.of(b"subject", "sha256")
CONFIG = Digest.of(b"{}", "sha256")
ALLOWING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def image(number: int, subject: Digest | None = None) -> bytes:
    """A manifest with annotations of some size. Its only blob is its config."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(CONFIG), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    if subject is not None:
        document["subject"] = {"mediaType": OCI_MANIFEST, "digest": str(subject), "size": 7}
    return json.dumps({**document, "annotations": {"number": str(number), "text": "x" * 500}}).encode()


def large_manifest(annotations: int = 60_000, size: int = 4 << 20) -> bytes:
    """A manifest of the largest size, most of it annotations."""
    document = json.loads(image(0))
    each = (size - 1024) // annotations - 22
    document["annotations"] = {f"annotation-{number:05}": "x" * each for number in range(annotations)}
    content = json.dumps(document, separators=(",", ":")).encode()
    assert size * 0.8 < len(content) <= size, len(content)
    return content


def large_index(children: int = 10_000) -> bytes:
    """An index of as many children as one may have; none of them is there."""
    digests = [str(Digest.of(str(number).encode(), "sha256")) for number in range(children)]
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 7} for digest in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def seed(folder: Path) -> None:
    asyncio.run(_seed(folder))


async def _seed(folder: Path) -> None:
    catalog = EmbeddedCatalog(folder, WallClock())
    try:
        region, partition = catalog.region(REGISTRY.region), catalog.partition
        main = await region.write(_repositories)
        for numbers in _batches(IMAGES):
            await region.write(partial(_tagged_images, main=main, numbers=numbers))
        for numbers in _batches(REFERRERS):
            await region.write(partial(_referrers, main=main, numbers=numbers))
        await region.write(partial(_store, repository=main, content=large_manifest()))
        await region.write(_deliveries)
        for numbers in _batches(IDENTITIES):
            await partition.write(partial(_identities, numbers=numbers))
    finally:
        catalog.close()


def _batches(size: int) -> Iterator[range]:
    """Cut numbers into what one transaction writes: it has to end within seconds, on a busy machine too."""
    for first in range(0, size, _AT_ONCE):
        yield range(first, min(first + _AT_ONCE, size))


def _repositories(db: Connection) -> int:
    registries.hold(db, REGISTRY.account)
    main = repositories.insert(db, REGISTRY.repository(RepositoryName(REPOSITORY)), NewRepository(), NOW)
    for number in range(REPOSITORIES):
        repositories.insert(
            db, REGISTRY.repository(RepositoryName(f"many/repository-{number:04}")), NewRepository(), NOW
        )
    return main.id


def _tagged_images(db: Connection, main: int, numbers: range) -> None:
    registries.hold(db, REGISTRY.account)
    for number in numbers:
        digest = _store(db, main, image(number))
        position = registries.next_position(db, REGISTRY.account)
        images.move_tags(db, main, digest, {TagName(f"tag-{number:05}"): position}, NOW)


def _referrers(db: Connection, main: int, numbers: range) -> None:
    for number in numbers:
        _store(db, main, image(number, SUBJECT))


def _deliveries(db: Connection) -> None:
    db.execute(regional_schema.delivery.insert(), [_delivery(number) for number in range(DELIVERIES)])


def _store(db: Connection, repository: int, content: bytes) -> Digest:
    digest = Digest.of(content, "sha256")
    images.store_manifest(db, repository, NewImage(digest, content, parse_manifest(content, None)), NOW)
    return digest


def _delivery(number: int) -> dict[str, object]:
    return {
        "id": f"delivery-{number:06}",
        "source_account": ACCOUNT,
        "destination_region": "us-east-1",
        "destination_account": ACCOUNT,
        "repository": REPOSITORY,
        "digest": str(Digest.of(image(number % IMAGES), "sha256")),
        "tag": f"tag-{number % IMAGES:05}",
        "epoch": 1,
        "sequence": number,
        "state": "complete",
        "attempts": 1,
        "created_at": NOW,
        "due_at": NOW,
        "settled_at": NOW,
    }


def _identities(db: Connection, numbers: range) -> None:
    for number in numbers:
        for kind, table in (("AIDA", partition_schema.user), ("AROA", partition_schema.role)):
            owner = f"{kind}{number:017}"
            row = {"unique_id": owner, "account": ACCOUNT, **_name(f"one-{number:04}"), "created_at": NOW}
            more = {"trust": document(1500), "max_session_seconds": 3600} if kind == "AROA" else {}
            db.execute(table.insert().values(**row, **more))
            inline = {"owner_id": owner, "name": "own", "document": document(1800)}
            db.execute(partition_schema.inline_policy.insert().values(**inline))
        arn = f"arn:aws:iam::{ACCOUNT}:policy/one-{number:04}"
        own = {"arn": arn, "unique_id": f"ANPA{number:017}", "account": ACCOUNT, **_name(f"one-{number:04}")}
        times = {"default_version": 1, "last_version": 1, "created_at": NOW, "updated_at": NOW}
        db.execute(partition_schema.managed_policy.insert().values(**own, **times))
        version = {"policy_arn": arn, "version": 1, "document": document(5000), "created_at": NOW}
        db.execute(partition_schema.policy_version.insert().values(**version))


def _name(name: str) -> dict[str, str]:
    return {"name": name, "name_key": name, "path": "/"}


def document(size: int) -> str:
    """A policy of many small statements."""
    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    number = size // len(json.dumps(statement))
    return json.dumps({"Version": "2012-10-17", "Statement": [statement] * number})
