"""Settings: a TOML file, then the environment, then the command line. Reports all problems before anything opens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from twinport.egress.requests import Permissions
from twinport.errors import ConfigurationWrong
from twinport.logs.levels import LogLevel
from twinport.settings import parsers, sources
from twinport.settings.declaration import declared, setting
from twinport.settings.deviations import AS_ECR, Deviation, Deviations, Quotas, quotas_of
from twinport.settings.open_accounts import OpenAccounts
from twinport.settings.organization_table import OrganizationTable
from twinport.settings.retention import Retention
from twinport.settings.storage import EncryptionAtRest, Location, Pulls, StoreEncryption, sealing_keys

DEFAULT_LISTEN = "127.0.0.1:4566"
# A process's connections to all PostgreSQL databases: enough for the partition and nine Regions at once.
DATABASE_CONNECTIONS = 10
MOST_CONNECTIONS = 1000
MOST_UPLOADS = 100_000
MOST_OBJECTS = 100_000_000
MOST_WORKERS = 256
_NONE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a deployment.

    `regions` empty means the partition's list. `database` is the address of PostgreSQL, or None for SQLite in the data
    folder; it may hold a password, so it is never shown.
    For retention times and the frequency of checks, see `Retention` and docs/how-to/garbage.md.
    `sealing_key` and `sealing_key_file` are two ways to give the keys of `sealing_keys`.
    `database_connections` bounds one process's connections to all PostgreSQL databases together.
    `workers` is the number of processes of `serve`; with `couriers_apart` one more, a whole worker, replicates
    in their place, and shares garbage collection, scans, lifecycle policies and verification with them.
    `object_store` is where blobs are, or None for files in the data folder; the other settings of that name say how to
    reach it (docs/how-to/object-storage.md).
    `oidc_keys` are issuers with the files of their keys, which are then not fetched.
    """

    data: Path = setting(parsers.path, default=Path("data"))
    database: str | None = setting(parsers.database, default=None, is_secret=True)
    database_connections: int = setting(
        parsers.number(MOST_CONNECTIONS, "a number of connections"), default=DATABASE_CONNECTIONS
    )
    sealing_key: str | None = setting(parsers.sealing_key, default=None, is_secret=True)
    sealing_key_file: Path | None = setting(parsers.sealing_key_file, default=None)
    listen: str = setting(parsers.listen, default=DEFAULT_LISTEN)
    garbage_delay: timedelta = setting(parsers.duration, default=Retention.garbage_delay)
    upload_expiry: timedelta = setting(parsers.duration, default=Retention.upload_expiry)
    open_uploads: int = setting(parsers.number(MOST_UPLOADS), default=1000)
    open_upload_bytes: int = setting(parsers.size, default=1 << 40)
    offer_expiry: timedelta = setting(parsers.duration, default=Retention.offer_expiry)
    reader_grace: timedelta = setting(parsers.duration, default=Retention.reader_grace)
    history_age: timedelta = setting(parsers.duration, default=Retention.history_age)
    orphan_age: timedelta = setting(parsers.duration, default=Retention.orphan_age, old_name="litter_age")
    orphan_round: timedelta = setting(parsers.duration, default=Retention.orphan_round, old_name="litter_round")
    verify_round: timedelta | None = setting(parsers.duration_or_never, default=Retention.verify_round)
    verify_rate: int = setting(parsers.size, default=Retention.verify_rate)
    open_accounts: OpenAccounts = setting(parsers.open_accounts, default=OpenAccounts.CLOSED)
    regions: tuple[str, ...] = setting(parsers.regions, default=())
    public_url: str | None = setting(parsers.url, default=None)
    allowed_hosts: tuple[str, ...] = setting(parsers.names, default=())
    trusted_proxies: tuple[str, ...] = setting(parsers.networks, default=())
    fidelity: str = setting(parsers.fidelity, default=parsers.STANDARD)
    deviations: tuple[str, ...] = setting(parsers.deviations, default=())
    sparse_images: bool = setting(parsers.switch, default=False)
    scan_findings: Path | None = setting(parsers.folder, default=None)
    object_store: Location | None = setting(parsers.location, default=None)
    object_store_endpoint: str | None = setting(parsers.origin, default=None)
    object_store_region: str = setting(parsers.word, default="us-east-1")
    object_store_key: str | None = setting(parsers.word, default=None)
    object_store_secret: str | None = setting(parsers.secret, default=None, is_secret=True)
    object_store_secret_file: Path | None = setting(parsers.secret_file, default=None)
    object_store_authorities: Path | None = setting(parsers.file, default=None)
    object_store_encryption: StoreEncryption = setting(parsers.store_encryption, default=StoreEncryption.NONE)
    object_store_kms_key: str | None = setting(parsers.word, default=None)
    object_store_pulls: Pulls = setting(parsers.pulls, default=Pulls.PROXIED)
    object_store_public_endpoint: str | None = setting(parsers.origin, default=None)
    encryption_at_rest: EncryptionAtRest = setting(parsers.encryption_at_rest, default=EncryptionAtRest.REFUSE)
    repository_quota: int | None = setting(parsers.number(MOST_OBJECTS), default=None)
    image_quota: int | None = setting(parsers.number(MOST_OBJECTS), default=None)
    organization: OrganizationTable | None = setting(parsers.organization, default=None)
    basic_access_keys: bool = setting(parsers.switch, default=False)
    workers: int = setting(parsers.number(MOST_WORKERS, "a number of processes"), default=1)
    couriers_apart: bool = setting(parsers.switch, default=False)
    egress_networks: tuple[str, ...] = setting(parsers.networks, default=())
    egress_http_hosts: tuple[str, ...] = setting(parsers.names, default=())
    egress_authorities: Path | None = setting(parsers.file, default=None)
    oidc_keys: tuple[tuple[str, Path], ...] = setting(parsers.issuers, default=())
    tls_cert: Path | None = setting(parsers.path, default=None)
    tls_key: Path | None = setting(parsers.path, default=None)
    http2: bool = setting(parsers.switch, default=True)
    log_level: LogLevel = setting(parsers.log_level, default=LogLevel.INFO)
    log_file: Path | None = setting(parsers.path, default=None)
    access_log: bool = setting(parsers.switch, default=False)
    metrics_listen: str | None = setting(parsers.listen, default=None)
    metrics_token: str | None = setting(parsers.token, default=None, is_secret=True)
    metrics_token_file: Path | None = setting(parsers.token_file, default=None)

    @property
    def host(self) -> str:
        return parsers.host_and_port(self.listen)[0]

    @property
    def has_access_log(self) -> bool:
        """Tell whether requests are logged: the access log is on, and the log level includes it."""
        return self.access_log and self.log_level <= LogLevel.INFO

    @property
    def has_tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def retention(self) -> Retention:
        return Retention(**{each.name: getattr(self, each.name) for each in fields(Retention)})

    @property
    def egress(self) -> Permissions:
        """Return which addresses outgoing requests for tenants may reach (docs/explanation/going-out.md)."""
        networks = tuple(ip_network(each, strict=False) for each in self.egress_networks)
        hosts = frozenset(each.lower() for each in self.egress_http_hosts)
        return Permissions(networks, hosts, self.egress_authorities)

    @property
    def port(self) -> int:
        return parsers.host_and_port(self.listen)[1]

    @property
    def ways(self) -> Deviations:
        """Return the deviations of `/v2/` from the standard."""
        return AS_ECR if self.fidelity == parsers.ECR else frozenset(map(Deviation, self.deviations))

    @property
    def quotas(self) -> Quotas:
        """Return the quotas: those that the operator gave, else ECR's if the deviation is on."""
        default = quotas_of(self.ways)
        return Quotas(self.repository_quota or default.repositories, self.image_quota or default.images)

    @property
    def layers(self) -> str:
        """Return where the bytes of layers are, in words."""
        place = self.object_store
        if place is None:
            return "files, in the folder"
        return f"s3://{place.bucket}/{place.prefix} at {self.store_endpoint}"

    @property
    def store_endpoint(self) -> str:
        """Return the address of the object store: AWS's own of the Region, unless the operator names another."""
        return self.object_store_endpoint or f"https://s3.{self.object_store_region}.amazonaws.com"

    @property
    def sealing_keys(self) -> dict[str, bytes] | None:
        """Return the keys that seal secrets, the one in use first; None if the data folder has a key of its own."""
        held = self.sealing_key_file
        text = self.sealing_key if held is None else parsers.secret_in(held)
        return None if text is None else sealing_keys(text)

    @property
    def store_secret(self) -> str:
        """Return the secret of the object store's access key."""
        held = self.object_store_secret_file
        return parsers.secret_in(held) if held is not None else self.object_store_secret or ""

    @property
    def metrics_secret(self) -> str | None:
        """Return the token that a scrape must send, or None if it needs none."""
        return self.metrics_token if self.metrics_token_file is None else parsers.secret_in(self.metrics_token_file)

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


_DECLARED = declared(Settings)


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
        (str(file), sources.from_file(file, problems)),
        ("environment", sources.from_environment(environment, _DECLARED, problems)),
        ("command line", dict(overrides)),
    ):
        problems.extend(_given_twice(given, source))
        for name, value in given.items():
            _take(name, value, source, values, problems)
    problems.extend(_contradictions(values))
    if problems:
        raise ConfigurationWrong(problems)
    return replace(Settings(), **values)  # type: ignore[arg-type]  # each value was checked by _take


def _given_twice(given: Mapping[str, object], source: str) -> Iterator[str]:
    """Yield a problem for each setting that one source gives by its old and by its new name."""
    for old, each in _DECLARED.items():
        if old == each.old_name and old in given and each.name in given:
            yield (
                f"'{old}' and '{each.name}' ({source}) are the old and the new name of one setting: "
                f"give '{each.name}' alone"
            )


def _take(name: str, value: object, source: str, values: dict[str, object], problems: list[str]) -> None:
    each = _DECLARED.get(name)
    if each is None:
        known = (other.name for other in _DECLARED.values())
        problems.append(f"'{name}' ({source}) is not a setting: {sources.suggestion(name, known)}")
        return
    try:
        values[each.name] = each.parse(value)
    except (TypeError, ValueError) as error:
        problems.append(f"'{name}' ({source}): {error}")


def _contradictions(values: Mapping[str, object]) -> Iterator[str]:
    """Yield a problem for each pair of settings that do not fit together."""
    if ("tls_cert" in values) != ("tls_key" in values):
        yield "'tls_cert' and 'tls_key' belong together: give both, or none for plain HTTP"
    if "metrics_token" in values and "metrics_token_file" in values:
        yield "'metrics_token' and 'metrics_token_file' say the same: give one of them"
    if "sealing_key" in values and "sealing_key_file" in values:
        yield "'sealing_key' and 'sealing_key_file' say the same: give one of them"
    yield from _contradictions_of_the_store(values)


def _contradictions_of_the_store(values: Mapping[str, object]) -> Iterator[str]:
    secrets = {"object_store_secret", "object_store_secret_file"} & values.keys()
    others = sorted(name for name in values if name.startswith("object_store_"))
    if "object_store" not in values:
        if others:
            yield f"'{others[0]}' needs 'object_store': name the bucket, or leave both out for files in the data folder"
        if values.get("encryption_at_rest") is EncryptionAtRest.STORE:
            yield "'encryption_at_rest' is 'store', and there is no 'object_store': the blobs are files"
        return
    if "object_store_key" not in values or len(secrets) != 1:
        yield "'object_store' needs 'object_store_key', and one of 'object_store_secret' and 'object_store_secret_file'"
    encryption = values.get("object_store_encryption", StoreEncryption.NONE)
    if "object_store_kms_key" in values and encryption is not StoreEncryption.KMS:
        yield "'object_store_kms_key' needs 'object_store_encryption' to be 'aws:kms'"
    if values.get("encryption_at_rest") is EncryptionAtRest.STORE and encryption is StoreEncryption.NONE:
        yield "'encryption_at_rest' is 'store': say by 'object_store_encryption' what the store encrypts with"
    if values.get("object_store_pulls") is Pulls.REDIRECTED and _is_own_host(values):
        yield (
            "'object_store_pulls' is 'redirected', and the store has the host of 'public_url': bytes of tenants must "
            "come from another host than the console"
        )


def _is_own_host(values: Mapping[str, object]) -> bool:
    """Tell whether clients reach the object store at the host of the console, whatever the port."""
    address = values.get("object_store_public_endpoint") or values.get("object_store_endpoint")
    hosts = {urlsplit(str(each)).hostname for each in (address, values.get("public_url")) if each}
    return address is not None and "public_url" in values and len(hosts) == 1
