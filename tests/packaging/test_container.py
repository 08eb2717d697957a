"""The container: no root, a read-only root file system, one volume, a health check; and docs/how-to/container.md."""

import json
from collections.abc import Iterator

import pytest

from tests.journeys.commands import CommandFailed, Program
from tests.journeys.documents import run_commands
from tests.journeys.waiting import until
from tests.packaging.conftest import IMAGE, Host
from tests.ports import free_port

START_SECONDS = 60.0
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host")


@pytest.fixture
def volume(host: Host) -> Iterator[str]:
    name = host.docker("volume", "create").strip()
    yield name
    for container in host.docker("ps", "--all", "--quiet", "--filter", f"volume={name}").split():
        host.docker("rm", "--force", container)
    host.docker("volume", "rm", name)


def started(docker: Program, volume: str, port: int, *options: str) -> str:
    """Start a container that listens on a port of this machine, and return its id."""
    listen = ("--env", f"TWINPORT_LISTEN=127.0.0.1:{port}")
    return docker("run", "--detach", *HARDENED, *listen, "--volume", f"{volume}:/data", *options, IMAGE).strip()


def healthy(docker: Program, container: str) -> None:
    def is_healthy() -> bool:
        state = json.loads(docker("inspect", container))[0]["State"]
        assert state["Running"], docker("logs", container)
        return bool(state["Health"]["Status"] == "healthy")

    until("the container is healthy", is_healthy, seconds=START_SECONDS)


def refused(docker: Program, volume: str, *options: str) -> tuple[int, str]:
    """Start a container that ends by itself; return its exit code and what it said."""
    words = ("--env", f"TWINPORT_LISTEN=127.0.0.1:{free_port()}", "--volume", f"{volume}:/data", *options)
    with pytest.raises(CommandFailed) as failure:
        docker.lasting(START_SECONDS)("run", "--rm", *HARDENED, *words, IMAGE)
    return failure.value.code, failure.value.said


def test_the_container_is_healthy_and_keeps_its_accounts(host: Host, volume: str) -> None:
    port = free_port()
    container = started(host.docker, volume, port)
    healthy(host.docker, container)
    assert "administrator" in host.docker("exec", container, "twinport", "account", "create", "acme")
    host.docker("stop", "--time", "10", container)
    assert json.loads(host.docker("inspect", container))[0]["State"]["ExitCode"] == 0
    again = started(host.docker, volume, port)
    assert "acme" in host.docker("exec", again, "twinport", "account", "list")


def test_the_container_has_no_root_and_writes_to_its_volume_alone(host: Host, volume: str) -> None:
    container = started(host.docker, volume, free_port())
    healthy(host.docker, container)
    assert host.docker("exec", container, "id", "-u").strip() == "10001"
    # Each line of `docker diff` is a change outside of volumes. What docker mounts itself is in /etc and /dev.
    changed = {line.split()[1] for line in host.docker("diff", container).splitlines()}
    assert not {path for path in changed if not path.startswith(("/data", "/etc", "/dev"))}


def test_a_volume_of_another_user_is_named_in_one_sentence(host: Host, volume: str) -> None:
    healthy(host.docker, started(host.docker, volume, free_port()))
    code, said = refused(host.docker, volume, "--user", "20000")
    assert code == 4
    assert "/data" in said
    assert len(said.strip().splitlines()) == 1


def test_two_containers_share_one_volume(host: Host, volume: str) -> None:
    first, second = (started(host.docker, volume, free_port()) for _ in range(2))
    healthy(host.docker, first)
    healthy(host.docker, second)
    host.docker("exec", first, "twinport", "account", "create", "acme")
    assert "acme" in host.docker("exec", second, "twinport", "account", "list")


def test_the_how_to_works_word_for_word(host: Host, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The page publishes a port, which an engine without a bridge cannot; the host's network stands for it."""
    port = free_port()
    published = "--publish 127.0.0.1:4566:4566"
    said = run_commands(
        "how-to/container.md",
        {
            "docker build --tag twinport .": f"docker tag {IMAGE} twinport",
            published: f"--network host --env TWINPORT_LISTEN=127.0.0.1:{port}",
            "127.0.0.1:4566": f"127.0.0.1:{port}",
        },
        tmp_path_factory.mktemp("how-to"),
        **host.docker.environment,
    )
    assert "administrator" in said


def test_the_image_lacks_the_folder_in_which_it_was_built(host: Host) -> None:
    with pytest.raises(CommandFailed):
        host.docker("run", "--rm", "--entrypoint", "ls", IMAGE, "/build")
