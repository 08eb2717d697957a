"""The settings of a registry, and the counter of its positions: one row an account in each Region's database."""

import json
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from twinport.catalog import schema, statements
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.replication import ReplicationConfiguration, ReplicationRule

_registry, _history = schema.registry, schema.history


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What a registry is told. `role_id` is the service-linked role that the rules were stored under."""

    replication: ReplicationConfiguration = field(default_factory=ReplicationConfiguration)
    role_id: str | None = None
    policy: str | None = None


def settings(db: Connection, account: AccountId) -> RegistrySettings:
    """Return the settings of an account's registry; those of one that was never configured are empty."""
    columns = (_registry.c.replication, _registry.c.role_id, _registry.c.policy)
    row = db.execute(select(*columns).where(_registry.c.account == account)).one_or_none()
    if row is None:
        return RegistrySettings()
    return RegistrySettings(_configuration(row.replication), row.role_id, row.policy)


def next_position(db: Connection, account: AccountId) -> Position:
    """Take the next position of an account's registry. Call it in a write, where it locks the registry's row."""
    sequence = db.execute(
        statements.insert(_registry)
        .values(account=account, sequence=1)
        .on_conflict_do_update(index_elements=["account"], set_={"sequence": _registry.c.sequence + 1})
        .returning(_registry.c.sequence)
    ).scalar_one()
    return Position(db.execute(select(_history.c.epoch)).scalar_one(), sequence)


def set_replication(
    db: Connection, account: AccountId, configuration: ReplicationConfiguration, role_id: str | None
) -> None:
    """Replace the rules as a whole; `role_id` stays with them, and `deletions.claim_for_rules` comes before them."""
    changes = {"replication": _text(configuration), "role_id": role_id}
    statements.upsert(db, _registry, {"account": account}, changes)


def set_policy(db: Connection, account: AccountId, text: str | None) -> None:
    statements.upsert(db, _registry, {"account": account}, {"policy": text})


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
