"""podman with a store of its own; it has no daemon."""

from pathlib import Path

from tests.journeys.commands import Program, find, with_hosts


def podman(folder: Path, hosts: Path | None = None) -> Program:
    """Return podman, whose images, settings and sessions are in this folder."""
    places = ("--root", str(folder / "root"), "--runroot", str(folder / "run"), "--tmpdir", str(folder / "tmp"))
    # Neither systemd nor a unified hierarchy of control groups is taken for granted.
    ways = ("--runtime", find("runc"), "--cgroup-manager", "cgroupfs", "--events-backend", "file")
    program = Program((find("podman"), *places, *ways), {"REGISTRY_AUTH_FILE": str(folder / "auth.json")})
    return program if hosts is None else with_hosts(program, hosts)
