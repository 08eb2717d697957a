"""Programs that are built from Go modules, each at one version, once, into `.cache/go`."""

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.peers.running import NotHere

ROOT = Path(__file__).parents[2]
_CACHE = ROOT / ".cache" / "go"
_BUILD_SECONDS = 900
DISTRIBUTION = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"
CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"


def program(module: str, *, may_build: bool) -> Path:
    """Return the program of a module, which is built if it is not there and that is wanted."""
    path, _, version = module.partition("@")
    name = path.rpartition("/")[2]
    built = _CACHE / f"{name}-{version}" / name
    if built.exists():
        return built
    if not may_build:
        raise NotHere(f"{name} {version} is not built yet: make bench builds it")
    _go("install", module, environment={"GOBIN": str(built.parent)})
    return built


def load_generator() -> Path:
    """Return the load generator, built from its source."""
    built = _CACHE / "loadgen" / "loadgen"
    _go("build", "-o", str(built), ".", folder=ROOT / "benchmarks" / "loadgen")
    return built


def _go(*words: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> None:
    go = shutil.which("go")
    if go is None:
        raise NotHere("it is built with Go, which is not here")
    variables = {**os.environ, **(environment or {})}
    try:
        subprocess.run(
            [go, *words], cwd=folder, env=variables, check=True, capture_output=True, text=True, timeout=_BUILD_SECONDS
        )
    except subprocess.CalledProcessError as failure:
        raise NotHere(f"go {words[0]} failed: {failure.stderr.strip()[-300:]}") from failure
    except subprocess.TimeoutExpired as late:
        raise NotHere(f"go {words[0]} took longer than {_BUILD_SECONDS} s") from late
