"""The signing configuration of a registry: JSON in its row."""

import json
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from twinport.catalog.engine import statements
from twinport.catalog.regional import schema
from twinport.model.names import AccountId
from twinport.model.signing import SigningConfiguration, SigningRule

_registry = schema.registry
_CONFIGURATION = select(_registry.c.signing).where(_registry.c.account == bindparam("account"))


def configuration(db: Connection, account: AccountId) -> SigningConfiguration | None:
    """Return the configuration, or None if none was put or it was deleted."""
    text = db.execute(_CONFIGURATION, {"account": account}).scalar()
    return None if text is None else SigningConfiguration(tuple(_rule(*each) for each in json.loads(text)))


def put(db: Connection, account: AccountId, new: SigningConfiguration | None) -> None:
    """Store a configuration or, with None, delete it. Hold the registry before (`registries.hold`)."""
    text = None if new is None else json.dumps([_row(rule) for rule in new.rules], separators=(",", ":"))
    statements.upsert(db, _registry, {"account": account}, {"signing": text})


def _row(rule: SigningRule) -> tuple[str, list[str], str | None]:
    return rule.profile, list(rule.filters), None if rule.since is None else rule.since.isoformat()


def _rule(profile: str, filters: list[str], since: str | None) -> SigningRule:
    return SigningRule(profile, tuple(filters), None if since is None else datetime.fromisoformat(since))
