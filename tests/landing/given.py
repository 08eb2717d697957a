"""Images, pushes and copies for tests of what landings ask of a database: each image has a config and one layer."""

from collections.abc import Iterable

from sqlalchemy import Connection

from tests.fakes import NOW, OTHER_REGION, REGISTRY
from tests.shelf import API, image_of
from twinport.catalog.regional import arrivals
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.landing.copies import Copy
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest, Key
from twinport.model.images import Position
from twinport.model.manifests import parse_manifest
from twinport.model.names import Registry, TagName

SOURCE = Registry(REGISTRY.account, OTHER_REGION)
CONFIG = b"config"


def image(layer: bytes) -> NewImage:
    content = image_of(CONFIG, layer)
    return NewImage(Digest.of(content), content, parse_manifest(content, None))


def push_of(new: NewImage, *tags: str) -> Push:
    return Push(new.content, None, tuple(TagName(tag) for tag in tags), None, Unchanged.ACCEPT)


def copy_of(layer: bytes, tag: str, *manifests: NewImage) -> Copy:
    """Return the copy of an image to its tag; `manifests` are those that come with it."""
    return Copy(
        delivery=f"delivery of {layer!r} as {tag}",
        offer="offer",
        source=SOURCE,
        destination=REGISTRY,
        repository=API,
        digest=image(layer).digest,
        tag=TagName(tag),
        position=Position(1, 1),
        manifests=manifests,
        carried_by="arn",
        may_create_repository=False,
    )


def offer(db: Connection, layers: Iterable[bytes]) -> None:
    """Let the offer of the copies hold the bytes of the config and of layers."""
    arrivals.open_offer(db, "offer", SOURCE, REGISTRY.account, NOW)
    for content in (CONFIG, *layers):
        held = NewBlob(Digest.of(content), Key(f"key of {content!r}"), len(content))
        arrivals.hold(db, "offer", SOURCE, [held], NOW)
