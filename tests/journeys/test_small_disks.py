"""Disks without room, without inodes, read-only, or lying until they are synced, each beneath a real server."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.commands import Program, find
from tests.journeys.disks import fill, mounted, remount, run, small_disk
from tests.journeys.engine import Engine
from tests.journeys.images import small, write_layout, write_root_filesystem
from tests.journeys.registry import Registry
from tests.journeys.server import COMMAND, Server
from tests.waiting import PATIENCE_SECONDS

LAYERS_ARE_FILES = True

REPOSITORY = "team/api"
IMAGE, NEXT = small(), small("another", layer_bytes=2 << 20)


@contextmanager
def shop(folder: Path) -> Iterator[tuple[Owner, Registry]]:
    """A server over a folder whose disks are mounted, with one image in it."""
    with Server(folder) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        registry = Registry.of(owner)
        assert registry.push(REPOSITORY, "1", IMAGE) == 201
        yield owner, registry


def blobs(folder: Path) -> Path:
    return folder / "data" / "regions" / HOME / "blobs"


def refusal(registry: Registry) -> str:
    """Push a layer that must be refused, and return why."""
    layer = NEXT.layers[0]
    said = registry.ask("POST", f"{REPOSITORY}/blobs/uploads/?digest={layer.digest}", layer.content)
    assert said.status == 503
    return said.body.decode()


def test_a_disk_of_blobs_that_is_full_hinders_nothing_but_layers(tmp_path: Path) -> None:
    with small_disk(blobs(tmp_path), size="4m"), shop(tmp_path) as (owner, registry):
        fill(blobs(tmp_path) / "ballast")
        assert "No space left on device; nothing was changed" in refusal(registry)
        owner.boto("ecr").create_repository(repositoryName="team/web")
        assert registry.put_manifest(REPOSITORY, "also", IMAGE) == 201
        assert registry.has(REPOSITORY, IMAGE)
        (blobs(tmp_path) / "ballast").unlink()
        assert registry.push(REPOSITORY, "2", NEXT) == 201


def test_a_disk_of_databases_that_is_full_hinders_writes_and_no_pulls(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(small_disk(tmp_path / "data", size="8m"))
        stack.enter_context(small_disk(blobs(tmp_path), size="16m"))
        owner, registry = stack.enter_context(shop(tmp_path))
        before = sorted(blobs(tmp_path).rglob("*"))
        fill(tmp_path / "data" / "ballast")
        assert "nothing was changed" in refusal(registry)
        assert [path for path in blobs(tmp_path).rglob("*") if path.is_file() and path not in before] == []
        with pytest.raises(ClientError) as refused:
            owner.boto("ecr").create_repository(repositoryName="team/web")
        assert refused.value.response["Error"]["Code"] == "ServerException"
        assert registry.has(REPOSITORY, IMAGE)
        (tmp_path / "data" / "ballast").unlink()
        assert registry.push(REPOSITORY, "2", NEXT) == 201


def test_a_disk_without_inodes_refuses_and_recovers(tmp_path: Path) -> None:
    with small_disk(blobs(tmp_path), size="16m", nr_inodes=64), shop(tmp_path) as (_, registry):
        spare = [blobs(tmp_path) / f"spare-{number}" for number in range(64)]
        made = [path for path in spare if can_be_made(path)]
        assert "No space left on device; nothing was changed" in refusal(registry)
        assert registry.has(REPOSITORY, IMAGE)
        for path in made:
            path.unlink()
        assert registry.push(REPOSITORY, "2", NEXT) == 201


def can_be_made(path: Path) -> bool:
    try:
        path.touch()
    except OSError:
        return False
    return True


def test_a_disk_that_becomes_read_only_serves_and_recovers_when_it_is_writable(tmp_path: Path) -> None:
    with small_disk(blobs(tmp_path), size="16m"), shop(tmp_path) as (_, registry):
        remount(blobs(tmp_path), "ro")
        assert "Read-only file system; nothing was changed" in refusal(registry)
        assert registry.has(REPOSITORY, IMAGE)
        remount(blobs(tmp_path), "rw")
        assert registry.push(REPOSITORY, "2", NEXT) == 201


def test_a_server_does_not_start_on_a_read_only_folder_and_says_why(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", size="8m") as data:
        with shop(tmp_path):
            pass
        remount(data, "ro")
        words = [*COMMAND, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        assert ended.returncode == 4
        assert f"the folder '{data}' cannot be written to" in ended.stderr
        assert "Traceback" not in ended.stderr
        remount(data, "rw")
        with Server(tmp_path) as server:
            assert Registry.of(Owner(server, SOURCE, HOME)).has(REPOSITORY, IMAGE)


def test_a_disk_that_lies_until_it_is_synced_is_not_believed(tmp_path: Path) -> None:
    """An ext4 in a file that is mostly holes, on a disk that is full: writes succeed, and syncs fail."""
    with small_disk(tmp_path / "ground", size="24m") as ground:
        disk = ground / "disk"
        with disk.open("wb") as file:
            file.truncate(64 << 20)
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=4", str(disk))
        with mounted(blobs(tmp_path), "-o", "loop", str(disk)), shop(tmp_path) as (_, registry):
            # Were a folder's own block to fail, ext4 would stop for good; here only bytes do.
            make_every_folder(blobs(tmp_path))
            fill(ground / "ballast")
            assert "nothing was changed" in refusal(registry)
            assert registry.has(REPOSITORY, IMAGE)
            (ground / "ballast").unlink()
            assert registry.push(REPOSITORY, "2", NEXT) == 201


def make_every_folder(store: Path) -> None:
    for number in range(256):
        (store / f"{number:02x}").mkdir(exist_ok=True)
    run("sync", "--file-system", str(store))


def test_skopeo_is_told_that_the_disk_is_full_and_does_not_wait(tmp_path: Path) -> None:
    with small_disk(blobs(tmp_path), size="4m"), shop(tmp_path) as (owner, registry):
        fill(blobs(tmp_path) / "ballast")
        write_layout(tmp_path / "layout", NEXT, tag="2")
        skopeo = Program(
            (find("skopeo"), "copy", "--dest-tls-verify=false", f"--dest-creds=AWS:{owner.password()}"), {}
        )
        copy = f"oci:{tmp_path}/layout:2", f"docker://{owner.registry}/{REPOSITORY}:2"
        assert "503 Service Unavailable" in skopeo.refusal(*copy)
        (blobs(tmp_path) / "ballast").unlink()
        skopeo(*copy)
        assert registry.has(REPOSITORY, NEXT)


def test_docker_is_told_too_and_pushes_when_there_is_room(tmp_path: Path, engine: Engine) -> None:
    """It tries a layer five times, with pauses of 5, 10, 15 and 20 seconds, and then says what it was told."""
    with small_disk(blobs(tmp_path), size="4m"), shop(tmp_path) as (owner, _):
        write_root_filesystem(tmp_path / "busybox.tar")
        reference = f"{owner.registry}/{REPOSITORY}:2"
        engine.docker("login", "--username", "AWS", "--password-stdin", owner.server.address, stdin=owner.password())
        engine.docker("import", str(tmp_path / "busybox.tar"), reference)
        fill(blobs(tmp_path) / "ballast")
        assert "503 Service Unavailable" in engine.docker.refusal("push", reference)
        (blobs(tmp_path) / "ballast").unlink()
        assert "digest: sha256:" in engine.docker("push", reference)
