"""The help and version texts of the credential helpers."""

from collections.abc import Sequence

from twinport import __version__


def about(arguments: Sequence[str], program: str, usage: str) -> str | None:
    """Return the help or the version if that is the only argument."""
    match list(arguments):
        case ["-h" | "--help"]:
            return f"{usage}\n"
        case ["--version"]:
            return f"{program} {__version__}\n"
        case _:
            return None
