"""Behind nginx: as docs/how-to/behind-a-proxy.md says, and as no page says, with nothing but `proxy_pass`."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.commands import find
from tests.journeys.documents import run_commands_among
from tests.journeys.images import small, write_layout
from tests.journeys.server import Server
from tests.journeys.waiting import until
from tests.ports import free_port
from tests.strangers import REFUSED, Stranger, token
from tests.waiting import END_SECONDS

BARE = """
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{behind};
    }}
  }}
}}
"""


def test_every_command_of_the_page_works_and_a_stranger_gets_nothing(tmp_path: Path, hosts: Path) -> None:
    for program in ("nginx", "curl", "skopeo"):
        find(program)
    write_layout(tmp_path / "image", small(), tag="1.0")
    here = tmp_path / "hosts"
    here.write_text(f"{hosts.read_text()}127.0.0.1 registry.example\n")
    ports = {"127.0.0.1:4566": f"127.0.0.1:{free_port()}", "8443": str(free_port())}
    login = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    said = run_commands_among(here, "how-to/behind-a-proxy.md", ports, tmp_path, login)
    assert "Login Succeeded!" in said
    assert said.splitlines()[-4:] == ["1.0", "403", "403", "403"]


@contextmanager
def bare_nginx(folder: Path, behind: str) -> Iterator[str]:
    """Run nginx with nothing but `proxy_pass`; yield its address."""
    port = free_port()
    (folder / "nginx.conf").write_text(BARE.format(port=port, behind=behind))
    command = [find("nginx"), "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until("nginx answers", (folder / "nginx.pid").exists, seconds=20)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=END_SECONDS)


def test_a_stranger_gets_nothing_by_a_bare_proxy_from_a_server_that_was_told_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)
    del server.environment["TWINPORT_OPEN_ACCOUNTS"]
    with server, bare_nginx(tmp_path, server.address) as address:
        assert Stranger(address, "QVdTOng=").tries() == REFUSED


def test_a_stranger_gets_nothing_by_a_bare_proxy_from_a_server_with_open_accounts(tmp_path: Path) -> None:
    server = Server(tmp_path, "--open")
    del server.environment["TWINPORT_OPEN_ACCOUNTS"]
    with server, bare_nginx(tmp_path, server.address) as address:
        stranger = Stranger(address, token(server.url))
        assert stranger.tries() == REFUSED
        assert "Open accounts" not in stranger.offered()
