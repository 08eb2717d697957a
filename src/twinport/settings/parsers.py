"""The parsers of settings: each returns the value that a source means, or raises ValueError or TypeError.

The message says what is needed; the loader adds the name of the setting and its source. Values from the environment
are texts, switches and lists; those from a file or the command line are of any type.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from twinport.errors import ConfigurationWrong
from twinport.logs.levels import LogLevel
from twinport.settings.deviations import Deviation
from twinport.settings.open_accounts import OpenAccounts
from twinport.settings.organization_table import OrganizationTable
from twinport.settings.storage import EncryptionAtRest, Location, Pulls, StoreEncryption, sealing_keys

E = TypeVar("E", bound=Enum)

# The values of `fidelity`.
STANDARD, ECR = "standard", "ecr"
# PostgreSQL truncates names to 63 characters, and a Region's name is appended to this one.
_LONGEST_DATABASE_NAME = 40
_SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# The form of Region names in partition aws. It also covers Regions newer than this version.
_REGION = re.compile(
    r"(af|ap|ca|eu|il|me|mx|sa|us)-(central|(north|south)(east|west)?|east|west)-[1-9][0-9]?",
)
# The characters of a bearer token (RFC 6750). Shorter tokens can be guessed.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}")
_WORD = re.compile(r"[!-~]{1,512}")
_SEGMENT = "[A-Za-z0-9][A-Za-z0-9._-]*"
_LOCATION = re.compile(
    rf"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9])(/(?P<prefix>{_SEGMENT}(/{_SEGMENT}){{0,15}})?)?/?"
)


def duration(value: object) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"a time such as 90s, 10m, 24h or 30d is needed, not {value!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def duration_or_never(value: object) -> timedelta | None:
    return None if value == "never" else duration(value)


def size(value: object) -> int:
    found = re.fullmatch(r"(\d{1,6})(KiB|MiB|GiB)", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"a number of bytes such as 512KiB, 16MiB or 1GiB is needed, not {value!r}")
    return int(found[1]) * _SIZES[found[2]]


def parse_size(text: str) -> int:
    """Parse a number of bytes from a command's option. Raises ConfigurationWrong."""
    try:
        return size(text)
    except ValueError as error:
        raise ConfigurationWrong([str(error)]) from error


def number(most: int, what: str = "a number") -> Callable[[object], int]:
    """Return the parser of whole numbers from 1 to `most`. Its message calls them `what`."""

    def parse(value: object) -> int:
        text = str(value)
        if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= most:
            raise ValueError(f"{what} from 1 to {most} is needed, not {value!r}")
        return int(text)

    return parse


def path(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise TypeError(f"a folder is needed, not {value!r}")
    return Path(value)


def listen(value: object) -> str:
    host, _, port = str(value).rpartition(":")
    if not isinstance(value, str) or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004
        raise ValueError(f"HOST:PORT is needed, not {value!r}")
    return value


def token(value: object) -> str:
    # The message does not repeat the value: it may be a secret with a mistake in it.
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("16 to 256 characters are needed, letters, digits and -._~+/= alone")
    return value


def token_file(value: object) -> Path:
    found = file(value)
    token(secret_in(found))
    return found


def secret_in(holder: Path) -> str:
    """Return the secret that a file holds. Raises ValueError if the file cannot be read."""
    try:
        return holder.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"'{holder}' cannot be read as text") from error


def host_and_port(address: str) -> tuple[str, int]:
    """Split HOST:PORT. An IPv6 address is in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false is needed, not {value!r}")
    return value


def open_accounts(value: object) -> OpenAccounts:
    known = {False: OpenAccounts.CLOSED, True: OpenAccounts.LOCAL, "everywhere": OpenAccounts.EVERYWHERE}
    if not isinstance(value, bool | str) or value not in known:
        raise ValueError(f"true, false or 'everywhere' is needed, not {value!r}")
    return known[value]


def one_of(kind: type[E]) -> Callable[[object], E]:
    """Return the parser of a word that names a member of `kind`."""
    known = {each.value: each for each in kind}

    def parse(value: object) -> E:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"one of {', '.join(known)} is needed, not {value!r}")
        return known[value]

    return parse


encryption_at_rest = one_of(EncryptionAtRest)
store_encryption = one_of(StoreEncryption)
pulls = one_of(Pulls)


def location(value: object) -> Location:
    """Parse the bucket and the prefix of the blobs: names whose spelling in an address is the same everywhere."""
    found = _LOCATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f"s3://BUCKET or s3://BUCKET/PREFIX is needed, of letters, digits and - . _ with / between, not {value!r}"
        )
    return Location(found["bucket"], found["prefix"] or "")


def word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError(f"a word without blanks is needed, not {value!r}")
    return value


def secret(value: object) -> str:
    # The message does not repeat the value.
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("a secret without blanks is needed")
    return value


def secret_file(value: object) -> Path:
    found = file(value)
    secret(secret_in(found))
    return found


def sealing_key(value: object) -> str:
    # The message does not repeat the value.
    if not isinstance(value, str):
        raise TypeError("a text is needed, a line KEYID:HEX64 for each key")
    sealing_keys(value)
    return value


def sealing_key_file(value: object) -> Path:
    found = file(value)
    sealing_keys(secret_in(found))
    return found


def origin(value: object) -> str:
    """Parse the address of a server, without a path."""
    address = url(value)
    if urlsplit(address).path or not urlsplit(address).netloc or {"?", "#", "@"} & set(address):
        # What stands before an @ may be a password.
        said = "an address with '@'" if "@" in address else repr(value)
        raise ValueError(f"http://HOST:PORT or https://HOST is needed, without a path, not {said}")
    return address


def log_level(value: object) -> LogLevel:
    known = {each.word: each for each in LogLevel}
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"one of {', '.join(known)} is needed, not {value!r}")
    return known[value]


def names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"a list of names is needed, not {value!r}")
    return tuple(value)


def regions(value: object) -> tuple[str, ...]:
    found = names(value)
    if wrong := [name for name in found if not _REGION.fullmatch(name)]:
        said = ", ".join(f"'{name}'" for name in wrong)
        raise ValueError(f"names of AWS's Regions are needed, as eu-west-1, not {said}")
    return found


def networks(value: object) -> tuple[str, ...]:
    """Parse addresses and networks. A typing error would silently have no effect, so it is refused."""
    for name in (found := names(value)):
        try:
            ip_network(name, strict=False)
        except ValueError:
            raise ValueError(f"an address or a network is needed, as 10.0.0.0/8, not '{name}'") from None
    return found


def fidelity(value: object) -> str:
    if value not in (STANDARD, ECR):
        raise ValueError(f"'{STANDARD}' or '{ECR}' is needed, not {value!r}")
    return str(value)


def deviations(value: object) -> tuple[str, ...]:
    known = [each.value for each in Deviation]
    for name in (found := names(value)):
        if name not in known:
            raise ValueError(f"'{name}' is no deviation: use some of {', '.join(known)}")
    return found


def url(value: object) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise ValueError(f"an http or https address is needed, not {value!r}")
    return value.rstrip("/")


def organization(value: object) -> OrganizationTable:
    if not isinstance(value, OrganizationTable):
        raise TypeError("the table [organization] of a settings file is needed")
    return value


def file(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not Path(value).is_file():
        raise ValueError(f"a file is needed, and {str(value)!r} is none")
    return Path(value)


def folder(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not Path(value).is_dir():
        raise ValueError(f"a folder is needed, and {str(value)!r} is none")
    return Path(value)


def issuers(value: object) -> tuple[tuple[str, Path], ...]:
    pairs = [each.rpartition("=") for each in names(value)]
    if wrong := [issuer for issuer, _, _ in pairs if not issuer.startswith("https://")]:
        raise ValueError(f"ISSUER=FILE is needed, with an https address and a key set, not {wrong[0]!r}")
    return tuple((issuer.rstrip("/"), file(keys)) for issuer, _, keys in pairs)


def database(value: object) -> str:
    # The message does not repeat the value: it may contain a password, in the right place or not.
    is_text = isinstance(value, str) and value.startswith(("postgresql://", "postgres://"))
    name = urlsplit(str(value)).path.strip("/") if is_text else ""
    if not name or len(name) > _LONGEST_DATABASE_NAME:
        raise ValueError("postgresql://USER:PASSWORD@HOST:PORT/NAME is needed, with a NAME of at most 40 characters")
    return "postgresql" + str(value)[str(value).index(":") :]
