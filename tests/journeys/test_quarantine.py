"""A layer goes bad on the disk: it is found, docker is not given it, and pushing with docker again heals it."""

import json
import subprocess
from pathlib import Path

from tests.journeys.clients import Owner
from tests.journeys.engine import Engine
from tests.journeys.registry import Registry
from tests.journeys.server import COMMAND, Server
from tests.journeys.test_docker_and_the_aws_cli import create, log_in, push, runs

LAYERS_ARE_FILES = True

DEADLINE_SECONDS = 60


def test_docker_heals_by_pushing_again_what_went_bad(source: Owner, engine: Engine, tmp_path: Path) -> None:
    create(source)
    log_in(engine, source)
    push(engine, source, "team/api:1.4", tmp_path)
    largest = max(tmp_path.rglob("blobs/*/*"), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(largest.stat().st_size // 2)
        file.write(b"not what was pushed")

    [bad] = verify(source.server, tmp_path / "data", code=5)["damaged"]
    said = Registry.of(source).ask("GET", f"team/api/blobs/{bad['digest']}")
    assert (said.status, "cannot be read" in said.body.decode()) == (503, True)
    assert Registry.of(source).ask("HEAD", f"team/api/blobs/{bad['digest']}").status == 404

    engine.docker("push", f"{source.registry}/team/api:1.4")
    assert runs(engine, source, "team/api:1.4")
    assert verify(source.server, tmp_path / "data", code=0)["damaged"] == []


def verify(server: Server, data: Path, *, code: int) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run(
        [*COMMAND, "verify", "--json", "--data", str(data)],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stderr
    report: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return report
