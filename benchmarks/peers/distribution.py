"""CNCF Distribution: Debian's package `docker-registry` (2.8), and version 3, which is built from its Go module."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers import go_programs, running
from benchmarks.peers.running import Command, NotHere

_PASSED_ON = {"disable": True}


def debians(name: str, folder: Path) -> Command:
    """Return how Debian's registry is started."""
    program = shutil.which("docker-registry")
    if program is None:
        raise NotHere("no program named docker-registry is here: Debian's package docker-registry has it")
    return _command(name, Path(program), folder)


def third(name: str, folder: Path, *, may_build: bool, bucket: Mapping[str, object] | None = None) -> Command:
    """Return how distribution 3 is started, with its bytes in a bucket if one is given."""
    return _command(name, go_programs.program(go_programs.DISTRIBUTION, may_build=may_build), folder, bucket)


def _command(name: str, program: Path, folder: Path, bucket: Mapping[str, object] | None = None) -> Command:
    port = running.port()
    config = folder / "config.yml"
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    config.write_text(json.dumps(_config(port, folder / "data", bucket)))
    # Version 3 would send traces to a collector that is not there.
    variables = {"OTEL_TRACES_EXPORTER": "none"}
    return Command(name, [str(program), "serve", str(config)], port, folder, variables=variables)


def _config(port: int, data: Path, bucket: Mapping[str, object] | None) -> Mapping[str, object]:
    where = {"filesystem": {"rootdirectory": str(data)}} if bucket is None else {"s3": bucket, "redirect": _PASSED_ON}
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {**where, "cache": {"blobdescriptor": "inmemory"}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
