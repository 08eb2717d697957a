"""What the credential helpers say of themselves to a person."""

from collections.abc import Sequence

from twinport import __version__


def about(arguments: Sequence[str], program: str, usage: str) -> str | None:
    """Return the help or the version if it is asked for, and nothing else is."""
    match list(arguments):
        case ["-h" | "--help"]:
            return f"{usage}\n"
        case ["--version"]:
            return f"{program} {__version__}\n"
        case _:
            return None
