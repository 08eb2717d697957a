"""What is told about layers."""

from pathlib import Path

from tests.fakes import NOW, OTHER_ACCOUNT, REGISTRY, AllowAll, caller
from twinport.blobs.files import FileBlobStores
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import blobs, repositories
from twinport.catalog.regional.blobs import NewBlob
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName
from twinport.registry.layers import AvailableLayer, Layers, UnavailableLayer, UnreadableDigest

NAME = RepositoryName("team/api")
ELSEWHERE = Registry(OTHER_ACCOUNT, REGISTRY.region)
HELD, HELD_ELSEWHERE, ABSENT = Digest.of(b"held"), Digest.of(b"elsewhere"), Digest.of(b"absent")


def hold(db: Connection, registry: Registry, digest: Digest, key: str) -> None:
    owner = repositories.insert(db, registry.repository(NAME), NewRepository(), NOW)
    blobs.record(db, NewBlob(digest, Key(key), 4), NOW)
    blobs.link(db, owner.id, digest, NOW)


async def test_each_digest_is_answered_in_order(catalog: WholeCatalog, tmp_path: Path) -> None:
    region = catalog.region(REGISTRY.region)
    await region.write(lambda db: hold(db, REGISTRY, HELD, "aa"))
    await region.write(lambda db: hold(db, ELSEWHERE, HELD_ELSEWHERE, "bb"))
    layers = Layers(catalog, FileBlobStores(tmp_path), AllowAll(), ManualClock())
    asked = [str(ABSENT), "sha256:zz", str(HELD), str(HELD_ELSEWHERE), "", str(HELD)]
    assert await layers.check(caller(), REGISTRY.repository(NAME), asked) == [
        UnavailableLayer(ABSENT),
        UnreadableDigest("sha256:zz"),
        AvailableLayer(HELD, 4),
        UnavailableLayer(HELD_ELSEWHERE),
        UnreadableDigest(""),
        AvailableLayer(HELD, 4),
    ]
