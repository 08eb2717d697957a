"""Settings: a TOML file, then the environment, then the command line. Reports all problems before anything opens."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from twinport.egress.requests import Permissions
from twinport.errors import ConfigurationWrong
from twinport.logs.levels import LogLevel
from twinport.settings.deviations import AS_ECR, Deviation, Deviations
from twinport.settings.open_accounts import OpenAccounts
from twinport.settings.retention import Retention

DEFAULT_LISTEN = "127.0.0.1:4566"
# A process's connections to all PostgreSQL databases: enough for the partition and nine Regions at once.
DATABASE_CONNECTIONS = 10
# The values of `fidelity`.
STANDARD, ECR = "standard", "ecr"


@dataclass(frozen=True, slots=True)
class OrganizationTable:
    """The table `[organization]` as written. Its paths are relative to `folder`."""

    folder: Path
    table: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a deployment.

    `regions` empty means the partition's list. `database` is the address of PostgreSQL, or None for SQLite in the data
    folder; it may hold a password, so it is never shown.
    For retention times and the frequency of checks, see `Retention` and docs/how-to/garbage.md.
    `database_connections` bounds one process's connections to all PostgreSQL databases together.
    `workers` is the number of processes of `serve`. `oidc_keys` are issuers with the files of their keys, which are
    then not fetched. The metadata `old_name` is a name that sources may still use for the setting.
    """

    data: Path = Path("data")
    database: str | None = field(default=None, repr=False)
    database_connections: int = DATABASE_CONNECTIONS
    listen: str = DEFAULT_LISTEN
    garbage_delay: timedelta = Retention.layers
    upload_expiry: timedelta = Retention.uploads
    open_uploads: int = 1000
    open_upload_bytes: int = 1 << 40
    offer_expiry: timedelta = Retention.offers
    reader_grace: timedelta = Retention.readers
    history_age: timedelta = Retention.history
    orphan_age: timedelta = field(default=Retention.orphans, metadata={"old_name": "litter_age"})
    orphan_round: timedelta = field(default=Retention.orphan_round, metadata={"old_name": "litter_round"})
    verify_round: timedelta | None = Retention.verify_round
    verify_rate: int = Retention.verify_rate
    open_accounts: OpenAccounts = OpenAccounts.CLOSED
    regions: tuple[str, ...] = ()
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    fidelity: str = STANDARD
    deviations: tuple[str, ...] = ()
    sparse_images: bool = False
    organization: OrganizationTable | None = None
    basic_access_keys: bool = False
    workers: int = 1
    egress_networks: tuple[str, ...] = ()
    egress_http_hosts: tuple[str, ...] = ()
    egress_authorities: Path | None = None
    oidc_keys: tuple[tuple[str, Path], ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    http2: bool = True
    log_level: LogLevel = LogLevel.INFO
    log_file: Path | None = None
    access_log: bool = False
    metrics_listen: str | None = None
    metrics_token: str | None = field(default=None, repr=False)
    metrics_token_file: Path | None = None

    @property
    def host(self) -> str:
        return host_and_port(self.listen)[0]

    @property
    def has_access_log(self) -> bool:
        """Tell whether requests are logged: the access log is on, and the log level includes it."""
        return self.access_log and self.log_level <= LogLevel.INFO

    @property
    def has_tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def retention(self) -> Retention:
        return Retention(
            layers=self.garbage_delay,
            uploads=self.upload_expiry,
            offers=self.offer_expiry,
            readers=self.reader_grace,
            history=self.history_age,
            orphans=self.orphan_age,
            orphan_round=self.orphan_round,
            verify_round=self.verify_round,
            verify_rate=self.verify_rate,
        )

    @property
    def egress(self) -> Permissions:
        """Return which addresses outgoing requests for tenants may reach (docs/explanation/going-out.md)."""
        networks = tuple(ip_network(each, strict=False) for each in self.egress_networks)
        hosts = frozenset(each.lower() for each in self.egress_http_hosts)
        return Permissions(networks, hosts, self.egress_authorities)

    @property
    def port(self) -> int:
        return host_and_port(self.listen)[1]

    @property
    def ways(self) -> Deviations:
        """Return the deviations of `/v2/` from the standard."""
        return AS_ECR if self.fidelity == ECR else frozenset(map(Deviation, self.deviations))

    @property
    def metrics_secret(self) -> str | None:
        """Return the token that a scrape must send, or None if it needs none."""
        return self.metrics_token if self.metrics_token_file is None else _secret_of(self.metrics_token_file)

    @property
    def is_on_loopback(self) -> bool:
        """Tell whether only clients of this machine can connect."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def opening(self) -> OpenAccounts:
        """Return for which clients accounts are open on this listener. LOCAL needs a loopback address."""
        if self.open_accounts is OpenAccounts.LOCAL and not self.is_on_loopback:
            return OpenAccounts.CLOSED
        return self.open_accounts

    @property
    def has_open_accounts(self) -> bool:
        """Tell whether twelve-digit access key ids are roots of their accounts for any client."""
        return self.opening is not OpenAccounts.CLOSED


_NEW_NAMES: Mapping[str, str] = {
    each.metadata["old_name"]: each.name for each in fields(Settings) if "old_name" in each.metadata
}
# PostgreSQL truncates names to 63 characters, and a Region's name is appended to this one.
_LONGEST_DATABASE_NAME = 40
_SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LISTS = (
    *("regions", "allowed_hosts", "trusted_proxies", "deviations"),
    *("egress_networks", "egress_http_hosts", "oidc_keys"),
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST_WORKERS = 256
MOST_CONNECTIONS = 1000
_PREFIX = "TWINPORT_"
# Variables that are no settings: the variables of our clients, commands and tests, and those that Kubernetes sets in
# every container when there is a service named 'twinport'.
_OTHER_VARIABLES = re.compile(
    r"TWINPORT_(CONFIG|ENDPOINT|CI|SEED|KILLS|FUZZ_EXAMPLES|WITNESS(_TEST)?|SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
# The form of Region names in partition aws. It also covers Regions newer than this version.
_REGION = re.compile(
    r"(af|ap|ca|eu|il|me|mx|sa|us)-(central|(north|south)(east|west)?|east|west)-[1-9][0-9]?",
)
MOST_COUNTED = 100_000
# The characters of a bearer token (RFC 6750). Shorter tokens can be guessed.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}")
_NONE: Mapping[str, object] = {}


def load(
    file: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, object],
    defaults: Mapping[str, object] = _NONE,
) -> Settings:
    """Combine the command's own defaults and the three sources. Later sources win.

    Raises ConfigurationWrong with every problem.
    """
    problems: list[str] = []
    values: dict[str, object] = {}
    for source, given in (
        ("default", defaults),
        (str(file), _from_file(file, problems)),
        ("environment", _from_environment(environment, problems)),
        ("command line", dict(overrides)),
    ):
        problems.extend(_given_twice(given, source))
        for name, value in given.items():
            _take(name, value, source, values, problems)
    if ("tls_cert" in values) != ("tls_key" in values):
        problems.append("'tls_cert' and 'tls_key' belong together: give both, or none for plain HTTP")
    if "metrics_token" in values and "metrics_token_file" in values:
        problems.append("'metrics_token' and 'metrics_token_file' say the same: give one of them")
    if problems:
        raise ConfigurationWrong(problems)
    return replace(Settings(), **values)  # type: ignore[arg-type]  # each value was checked by _take


def _from_file(file: Path | None, problems: list[str]) -> dict[str, object]:
    if file is None:
        return {}
    try:
        given = tomllib.loads(file.read_text())
        table = given.get("organization")
        return {**given, "organization": OrganizationTable(file.parent, table)} if isinstance(table, dict) else given
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file}: is not TOML: {error}")
    return {}


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    known = {f"{_PREFIX}{each.name.upper()}" for each in fields(Settings)}
    old = {f"{_PREFIX}{name.upper()}" for name in _NEW_NAMES}
    given = {name for name, text in environment.items() if name.startswith(_PREFIX) and text}
    unknown = sorted(name for name in given - known - old if not _OTHER_VARIABLES.fullmatch(name))
    problems.extend(f"'{name}' (environment) is not a setting: {_instead(name, known)}" for name in unknown)
    found: dict[str, object] = {}
    for name in (*(each.name for each in fields(Settings)), *_NEW_NAMES):
        text = environment.get(f"{_PREFIX}{name.upper()}")
        if text:
            found[name] = _split(text) if name in _LISTS else _unquoted(text)
    return found


def _given_twice(given: Mapping[str, object], source: str) -> list[str]:
    """Return a problem for each setting that one source gives by its old and by its new name."""
    return [
        f"'{old}' and '{new}' ({source}) are the old and the new name of one setting: give '{new}' alone"
        for old, new in _NEW_NAMES.items()
        if old in given and new in given
    ]


def _instead(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest name, or list all names."""
    nearest = get_close_matches(name, known, n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else f"use one of {', '.join(sorted(known))}"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _unquoted(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower(), text)


def _take(name: str, value: object, source: str, values: dict[str, object], problems: list[str]) -> None:
    new = _NEW_NAMES.get(name, name)
    parse = _PARSERS.get(new)
    if parse is None:
        problems.append(f"'{name}' ({source}) is not a setting: {_instead(name, _PARSERS)}")
        return
    try:
        values[new] = parse(value)
    except (TypeError, ValueError) as error:
        problems.append(f"'{name}' ({source}): {error}")


def _duration(value: object) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"a time such as 90s, 10m, 24h or 30d is needed, not {value!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _duration_or_never(value: object) -> timedelta | None:
    return None if value == "never" else _duration(value)


def parse_size(text: str) -> int:
    """Parse a number of bytes from a command's option. Raises ConfigurationWrong."""
    try:
        return _size(text)
    except ValueError as error:
        raise ConfigurationWrong([str(error)]) from error


def _size(value: object) -> int:
    found = re.fullmatch(r"(\d{1,6})(KiB|MiB|GiB)", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"a number of bytes such as 512KiB, 16MiB or 1GiB is needed, not {value!r}")
    return int(found[1]) * _SIZES[found[2]]


def _count(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_COUNTED:
        raise ValueError(f"a number from 1 to {MOST_COUNTED} is needed, not {value!r}")
    return int(text)


def _path(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise TypeError(f"a folder is needed, not {value!r}")
    return Path(value)


def _listen(value: object) -> str:
    host, _, port = str(value).rpartition(":")
    if not isinstance(value, str) or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004
        raise ValueError(f"HOST:PORT is needed, not {value!r}")
    return value


def _token(value: object) -> str:
    # The message does not repeat the value: it may be a secret with a mistake in it.
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("16 to 256 characters are needed, letters, digits and -._~+/= alone")
    return value


def _token_file(value: object) -> Path:
    path = _file(value)
    _token(_secret_of(path))
    return path


def _secret_of(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' cannot be read as text") from error


def host_and_port(listen: str) -> tuple[str, int]:
    """Split HOST:PORT. An IPv6 address is in brackets."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false is needed, not {value!r}")
    return value


def _open_accounts(value: object) -> OpenAccounts:
    known = {False: OpenAccounts.CLOSED, True: OpenAccounts.LOCAL, "everywhere": OpenAccounts.EVERYWHERE}
    if not isinstance(value, bool | str) or value not in known:
        raise ValueError(f"true, false or 'everywhere' is needed, not {value!r}")
    return known[value]


def _log_level(value: object) -> LogLevel:
    known = {each.word: each for each in LogLevel}
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"one of {', '.join(known)} is needed, not {value!r}")
    return known[value]


def _workers(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise ValueError(f"a number of processes from 1 to {MOST_WORKERS} is needed, not {value!r}")
    return int(text)


def _connections(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_CONNECTIONS:
        raise ValueError(f"a number of connections from 1 to {MOST_CONNECTIONS} is needed, not {value!r}")
    return int(text)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"a list of names is needed, not {value!r}")
    return tuple(value)


def _regions(value: object) -> tuple[str, ...]:
    names = _names(value)
    if wrong := [name for name in names if not _REGION.fullmatch(name)]:
        said = ", ".join(f"'{name}'" for name in wrong)
        raise ValueError(f"names of AWS's Regions are needed, as eu-west-1, not {said}")
    return names


def _networks(value: object) -> tuple[str, ...]:
    """Parse addresses and networks. A typing error would silently have no effect, so it is refused."""
    for name in (names := _names(value)):
        try:
            ip_network(name, strict=False)
        except ValueError:
            raise ValueError(f"an address or a network is needed, as 10.0.0.0/8, not '{name}'") from None
    return names


def _fidelity(value: object) -> str:
    if value not in (STANDARD, ECR):
        raise ValueError(f"'{STANDARD}' or '{ECR}' is needed, not {value!r}")
    return str(value)


def _deviations(value: object) -> tuple[str, ...]:
    known = [each.value for each in Deviation]
    for name in (names := _names(value)):
        if name not in known:
            raise ValueError(f"'{name}' is no deviation: use some of {', '.join(known)}")
    return names


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise ValueError(f"an http or https address is needed, not {value!r}")
    return value.rstrip("/")


def _organization(value: object) -> OrganizationTable:
    if not isinstance(value, OrganizationTable):
        raise TypeError("the table [organization] of a settings file is needed")
    return value


def _file(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not Path(value).is_file():
        raise ValueError(f"a file is needed, and {str(value)!r} is none")
    return Path(value)


def _issuers(value: object) -> tuple[tuple[str, Path], ...]:
    pairs = [each.rpartition("=") for each in _names(value)]
    if wrong := [issuer for issuer, _, _ in pairs if not issuer.startswith("https://")]:
        raise ValueError(f"ISSUER=FILE is needed, with an https address and a key set, not {wrong[0]!r}")
    return tuple((issuer.rstrip("/"), _file(file)) for issuer, _, file in pairs)


def _database(value: object) -> str:
    # The message does not repeat the value: it may contain a password, in the right place or not.
    is_text = isinstance(value, str) and value.startswith(("postgresql://", "postgres://"))
    name = urlsplit(str(value)).path.strip("/") if is_text else ""
    if not name or len(name) > _LONGEST_DATABASE_NAME:
        raise ValueError("postgresql://USER:PASSWORD@HOST:PORT/NAME is needed, with a NAME of at most 40 characters")
    return "postgresql" + str(value)[str(value).index(":") :]


_PARSERS = {
    "data": _path,
    "database": _database,
    "database_connections": _connections,
    "listen": _listen,
    "garbage_delay": _duration,
    "upload_expiry": _duration,
    "open_uploads": _count,
    "open_upload_bytes": _size,
    "offer_expiry": _duration,
    "reader_grace": _duration,
    "history_age": _duration,
    "orphan_age": _duration,
    "orphan_round": _duration,
    "verify_round": _duration_or_never,
    "verify_rate": _size,
    "open_accounts": _open_accounts,
    "regions": _regions,
    "public_url": _url,
    "allowed_hosts": _names,
    "trusted_proxies": _networks,
    "fidelity": _fidelity,
    "deviations": _deviations,
    "sparse_images": _switch,
    "organization": _organization,
    "basic_access_keys": _switch,
    "workers": _workers,
    "egress_networks": _networks,
    "egress_http_hosts": _names,
    "egress_authorities": _file,
    "oidc_keys": _issuers,
    "tls_cert": _path,
    "tls_key": _path,
    "http2": _switch,
    "log_level": _log_level,
    "log_file": _path,
    "access_log": _switch,
    "metrics_listen": _listen,
    "metrics_token": _token,
    "metrics_token_file": _token_file,
}
