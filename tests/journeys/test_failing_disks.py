"""Disks that fail: the request that meets it is told, everything before is served, and nothing needs repair."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.commands import CommandFailed, Program, find
from tests.journeys.disks import failing
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.server import COMMAND, Server
from tests.waiting import PATIENCE_SECONDS
from twinport.tour.image import Blob

LAYERS_ARE_FILES = True

REPOSITORY = "team/api"
IMAGE, NEXT = small(), small("another", layer_bytes=3 << 20)
LAYER = NEXT.layers[0]
# SQLite syncs its log and its database by fdatasync, the store syncs files and folders by fsync.
BROKEN = ("-e", "trace=read", "-e", "inject=read:error=EIO")
OF_FILE, OF_FOLDER = "error=EIO:when=1", "error=EIO:when=2"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator["Shop"]:
    with Server(tmp_path) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        shop = Shop(server, owner, tmp_path / "data" / "regions" / HOME)
        assert shop.registry.push(REPOSITORY, "1", IMAGE) == 201
        yield shop


class Shop:
    """A registry with an image in it, and where its Region keeps things."""

    def __init__(self, server: Server, owner: Owner, folder: Path) -> None:
        self.server, self.owner, self.folder = server, owner, folder
        self.registry = Registry.of(owner)

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]

    def push(self, blob: Blob) -> tuple[int, str]:
        place = f"{REPOSITORY}/blobs/uploads/?digest={blob.digest}"
        said = self.registry.ask("POST", place, blob.content, media_type="application/octet-stream")
        return said.status, said.body.decode()

    def has(self, blob: Blob) -> bool:
        return self.registry.ask("GET", f"{REPOSITORY}/blobs/{blob.digest}").body == blob.content

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def sells_as_before(self) -> bool:
        """What was pushed before the trouble is served, and a push succeeds."""
        return self.registry.has(REPOSITORY, IMAGE) and self.registry.push(REPOSITORY, "2", NEXT) == 201


@pytest.mark.parametrize("when", [OF_FILE, OF_FOLDER], ids=["its file", "its folder"])
def test_a_layer_that_cannot_be_synced_is_refused_and_given_up(registry: Shop, when: str) -> None:
    before = registry.files
    with failing(registry.server, "fsync", when):
        status, said = registry.push(LAYER)
    assert status == 503
    assert "Input/output error; nothing was changed, try again" in said
    assert registry.files == before
    assert registry.sells_as_before()


def test_a_transaction_that_could_not_be_synced_is_not_there_after_a_restart(registry: Shop) -> None:
    before = registry.files
    with failing(registry.server, "fdatasync", "error=EIO:when=1"):
        status, said = registry.push(LAYER)
    assert status == 503
    assert "disk I/O error; nothing was changed, try again" in said
    assert registry.files == before
    registry.restart()
    assert not registry.has(LAYER)
    assert registry.sells_as_before()


def test_a_database_that_cannot_sync_at_all_says_that_it_does_not_know(registry: Shop) -> None:
    with failing(registry.server, "fdatasync", "error=EIO"):
        status, said = registry.push(LAYER)
        with pytest.raises(ClientError, match="may be stored or not") as refused:
            registry.owner.boto("ecr").create_repository(repositoryName="team/web")
        assert registry.registry.has(REPOSITORY, IMAGE)
    assert (status, "may be stored or not" in said) == (503, True)
    assert refused.value.response["Error"]["Code"] == "ServerException"
    assert registry.sells_as_before()


def test_whatever_a_restart_finds_of_unacknowledged_writes_is_whole(registry: Shop) -> None:
    with failing(registry.server, "fdatasync", "error=EIO"):
        assert registry.push(LAYER)[0] == 503
        registry.server.kill()
    registry.server.start()
    found = registry.registry.ask("GET", f"{REPOSITORY}/blobs/{LAYER.digest}")
    assert found.status == 404 or found.body == LAYER.content
    assert registry.sells_as_before()


def test_a_log_that_has_no_room_refuses_and_recovers(registry: Shop) -> None:
    before = registry.files
    with failing(registry.server, "pwrite64", "error=ENOSPC", registry.folder / "catalog.db-wal"):
        status, said = registry.push(LAYER)
        assert registry.registry.has(REPOSITORY, IMAGE)
    assert (status, "database or disk is full; nothing was changed" in said) == (503, True)
    assert registry.files == before
    assert registry.sells_as_before()


def test_a_database_that_has_no_room_keeps_all_in_its_log(registry: Shop) -> None:
    """It is written when the log is taken over into it, after a thousand pages: no client waits for that."""
    images = [small(f"machine-{number}") for number in range(60)]
    with failing(registry.server, "pwrite64", "error=ENOSPC", registry.folder / "catalog.db"):
        for number, image in enumerate(images):
            assert registry.registry.push(REPOSITORY, f"many-{number}", image) == 201
    registry.restart()
    assert all(registry.registry.has(REPOSITORY, image) for image in images)
    assert registry.sells_as_before()


@pytest.mark.parametrize("wanted", ["all of it", "a range"])
@pytest.mark.parametrize("when", ["1+", "2+"], ids=["at once", "after a while"])
def test_bytes_that_cannot_be_read_are_never_replaced_by_others(registry: Shop, when: str, wanted: str) -> None:
    assert registry.registry.push(REPOSITORY, "2", NEXT) == 201
    [file] = [path for path in registry.files if path.stat().st_size == len(LAYER.content)]
    headers = {"Authorization": f"Basic {registry.registry.token}"}
    headers |= {"Range": "bytes=10-"} if wanted == "a range" else {}
    request = urllib.request.Request(f"{registry.registry.url}/{REPOSITORY}/blobs/{LAYER.digest}", headers=headers)
    with failing(registry.server, "read,pread64", f"error=EIO:when={when}", file):
        arrived = cut_off(request)
    begin = 10 if wanted == "a range" else 0
    assert LAYER.content[begin:].startswith(arrived)
    assert registry.has(LAYER)


def test_what_a_disk_cannot_read_is_found_put_into_quarantine_and_released(registry: Shop) -> None:
    assert registry.registry.push(REPOSITORY, "2", NEXT) == 201
    [file] = [path for path in registry.files if path.stat().st_size == len(LAYER.content)]
    verify = Program((*COMMAND, "verify", "--data", str(registry.folder.parent.parent)), {})
    broken = Program((find("strace"), "-f", "-o", "/dev/null", "-P", str(file), *BROKEN, *verify.words), {})
    with pytest.raises(CommandFailed, match="unreadable") as found:
        broken()
    assert found.value.code == 5
    assert registry.registry.ask("GET", f"{REPOSITORY}/blobs/{LAYER.digest}").status != 200
    verify()
    assert registry.has(LAYER)


def cut_off(request: urllib.request.Request) -> bytes:
    """Send a request whose answer must be refused or break off, and return the bytes that arrived."""
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            answer.read()
    except http.client.IncompleteRead as error:
        return error.partial
    except http.client.RemoteDisconnected:
        # The first read failed before the head had left.
        return b""
    except urllib.error.HTTPError as refused:
        with refused:
            return b""
    raise AssertionError("the answer was whole")


@pytest.mark.parametrize(
    ("error", "words"), [("EIO", b"Input/output error"), ("ENOSPC", b"No space left on device")], ids=["EIO", "ENOSPC"]
)
def test_segments_that_cannot_be_copied_are_not_joined_and_stay(registry: Shop, error: str, words: bytes) -> None:
    said = registry.registry.ask("POST", f"{REPOSITORY}/blobs/uploads/")
    place = f"{REPOSITORY}/blobs/uploads/{said.headers['docker-upload-uuid']}"
    before = set(registry.files)
    parts = LAYER.content[:1000], LAYER.content[1000:]
    assert [registry.registry.ask("PATCH", place, part).status for part in parts] == [202, 202]
    segments = set(registry.files) - before
    completion = f"{place}?digest={LAYER.digest}"
    with failing(registry.server, "copy_file_range", f"error={error}", *segments):
        refused = registry.registry.ask("PUT", completion)
    assert (refused.status, words in refused.body) == (503, True)
    assert set(registry.files) - before == segments
    assert registry.registry.ask("PUT", completion).status == 201
    assert registry.has(LAYER)
