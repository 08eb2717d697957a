"""The settings of a registry, and the counter of its positions: one row an account in each Region's database."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, select

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import repositories, schema
from twinport.catalog.regional.repositories import Against
from twinport.model.images import Position, Repository
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.model.scanning import ScanFrequency, ScanningConfiguration, ScanningRule, ScanType

_registry, _history, _repository = schema.registry, schema.history, schema.repository
_STORED = select(_registry.c.replication, _registry.c.role_id, _registry.c.policy, _registry.c.scanning).where(
    _registry.c.account == bindparam("account")
)
# Every push runs these.
_SETTINGS, _SETTINGS_HELD = Prepared(lambda _: _STORED), Prepared(lambda _: _STORED.with_for_update())
_WITH_REPOSITORY = Prepared(
    # The same strength for both rows: neither keeps uploads out, and pushes of one registry follow one another.
    lambda _: (
        _STORED.add_columns(*repositories.COLUMNS)
        .join(_repository, _repository.c.account == _registry.c.account)
        .where(_repository.c.name == bindparam("name"))
        .with_for_update(key_share=True, of=(_registry, _repository))
    )
)
_EPOCH = Prepared(lambda _: select(_history.c.epoch))


def _advancing(engine: str) -> Any:
    count = bindparam("count", type_=_registry.c.sequence.type)
    new = statements.insert_of(engine, _registry).values(account=bindparam("account"), sequence=count)
    counted = new.on_conflict_do_update(index_elements=["account"], set_={"sequence": _registry.c.sequence + count})
    return counted.returning(_registry.c.sequence, select(_history.c.epoch).scalar_subquery().label("epoch"))


_NEXT = Prepared(_advancing)


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """The settings of a registry. `role_id` is the service-linked role that the rules were stored under."""

    replication: ReplicationConfiguration = field(default_factory=ReplicationConfiguration)
    role_id: str | None = None
    policy: str | None = None
    scanning: ScanningConfiguration = field(default_factory=ScanningConfiguration)


def settings(db: Connection, account: AccountId) -> RegistrySettings:
    """Return the settings of an account's registry; those of one that was never configured are empty."""
    row = _SETTINGS.first(db, account=account)
    return RegistrySettings() if row is None else _read(row)


def hold(db: Connection, account: AccountId) -> RegistrySettings:
    """Return the settings, and lock the registry: no other transaction changes them or takes a position meanwhile.

    This lock comes first: registry, then repository, image, tag, delivery (docs/decisions/0008-locks-on-postgresql.md).
    """
    found = _held(db, account)
    if found is None:
        statements.insert_absent(db, _registry, {"account": account})
        found = _held(db, account)
    return found or RegistrySettings()


def hold_with(db: Connection, repository: RepositoryId) -> tuple[RegistrySettings, Repository]:
    """As `hold`, and lock one of the registry's repositories against changes. Raises RepositoryNotFound."""
    row = _WITH_REPOSITORY.first(db, account=repository.account, name=repository.name)
    if row is not None:
        return _read(row), repositories.of_row(repository.registry, row)
    # The repository is not there, or nothing has written to the registry yet.
    return hold(db, repository.account), repositories.lock(db, repository, Against.CHANGES)


def next_position(db: Connection, account: AccountId) -> Position:
    """Take the next position of an account's registry. Call it in a write, where it locks the registry's row."""
    return next_positions(db, account, 1)[0]


def next_positions(db: Connection, account: AccountId, count: int) -> list[Position]:
    """As `next_position`, for `count` changes in their order."""
    (advanced,) = _NEXT.all(db, account=account, count=count)
    last: int = advanced.sequence
    return [Position(advanced.epoch, sequence) for sequence in range(last - count + 1, last + 1)]


def epoch(db: Connection) -> int | None:
    """Return the epoch of this Region's history, or None if it was never written to."""
    found = _EPOCH.first(db)
    return None if found is None else int(found.epoch)


def set_replication(
    db: Connection, account: AccountId, configuration: ReplicationConfiguration, role_id: str | None
) -> None:
    """Replace the rules as a whole, together with their `role_id`. Call `deletions.claim_for_rules` before."""
    changes = {"replication": _text(configuration), "role_id": role_id}
    statements.upsert(db, _registry, {"account": account}, changes)


def set_policy(db: Connection, account: AccountId, text: str | None) -> None:
    statements.upsert(db, _registry, {"account": account}, {"policy": text})


def set_scanning(db: Connection, account: AccountId, configuration: ScanningConfiguration) -> None:
    """Replace the scanning configuration as a whole."""
    rules = [[rule.frequency.value, list(rule.filters)] for rule in configuration.rules]
    text = json.dumps({"type": configuration.scan_type.value, "rules": rules}, separators=(",", ":"))
    statements.upsert(db, _registry, {"account": account}, {"scanning": text})


def _held(db: Connection, account: AccountId) -> RegistrySettings | None:
    row = _SETTINGS_HELD.first(db, account=account)
    return None if row is None else _read(row)


def _read(row: Any) -> RegistrySettings:
    return RegistrySettings(_configuration(row.replication), row.role_id, row.policy, _scanning(row.scanning))


def _scanning(text: str | None) -> ScanningConfiguration:
    if text is None:
        return ScanningConfiguration()
    stored = json.loads(text)
    rules = (ScanningRule(ScanFrequency(frequency), tuple(filters)) for frequency, filters in stored["rules"])
    return ScanningConfiguration(ScanType(stored["type"]), tuple(rules))


def _text(configuration: ReplicationConfiguration) -> str:
    """Write rules as they are stored: lists, so that the order of destinations and filters is kept."""
    return json.dumps(
        [
            {
                "to": [[place.account, place.region] for place in rule.destinations],
                "prefixes": list(rule.prefixes),
                "deletions": rule.deletions,
            }
            for rule in configuration.rules
        ],
        separators=(",", ":"),
    )


def _configuration(text: str) -> ReplicationConfiguration:
    return ReplicationConfiguration(
        tuple(
            ReplicationRule(
                destinations=tuple(Registry(AccountId(account), RegionName(region)) for account, region in rule["to"]),
                prefixes=tuple(rule["prefixes"]),
                deletions=rule["deletions"],
            )
            for rule in json.loads(text)
        )
    )
