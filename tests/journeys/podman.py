"""podman with a store of its own; it has no daemon."""

from pathlib import Path

from tests.journeys.commands import Program, find


def podman(folder: Path) -> Program:
    """Return podman, whose images, settings and sessions are in this folder."""
    places = ("--root", str(folder / "root"), "--runroot", str(folder / "run"), "--tmpdir", str(folder / "tmp"))
    # Neither systemd nor a unified hierarchy of control groups is taken for granted.
    ways = ("--runtime", find("runc"), "--cgroup-manager", "cgroupfs", "--events-backend", "file")
    return Program((find("podman"), *places, *ways), {"REGISTRY_AUTH_FILE": str(folder / "auth.json")})
