"""Providers of OpenID Connect in the partition's database."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from twinport.catalog.partition import entities, schema
from twinport.model.names import AccountId
from twinport.model.oidc import OidcProvider, provider_arn

_provider = schema.oidc_provider


def count(db: Connection, account: AccountId) -> int:
    return entities.count(db, _provider, account)


def insert_provider(db: Connection, provider: OidcProvider) -> None:
    """Store a new provider with its tags."""
    db.execute(
        insert(_provider).values(
            arn=provider.arn,
            account=provider.account,
            url=provider.url,
            client_ids=json.dumps(provider.client_ids),
            thumbprints=json.dumps(provider.thumbprints),
            created_at=provider.created_at,
        )
    )
    entities.put_tags(db, provider.arn, provider.tags)


def find(db: Connection, arn: str) -> OidcProvider | None:
    """Return a provider with its tags."""
    row = db.execute(select(_provider).where(_provider.c.arn == arn)).one_or_none()
    return None if row is None else _read(db, row)


def of_issuer(db: Connection, account: AccountId, url: str) -> OidcProvider | None:
    """Return the provider of an account for an issuer, whose address is given without `https://`."""
    return find(db, provider_arn(account, url))


def arns(db: Connection, account: AccountId) -> list[str]:
    """List the ARNs of an account's providers, a hundred at most, in their order."""
    rows = db.execute(select(_provider.c.arn).where(_provider.c.account == account).order_by(_provider.c.arn))
    return list(rows.scalars())


def set_lists(db: Connection, arn: str, client_ids: Sequence[str], thumbprints: Sequence[str]) -> None:
    """Replace the lists of a provider that is there."""
    values = {"client_ids": json.dumps(client_ids), "thumbprints": json.dumps(thumbprints)}
    db.execute(update(_provider).where(_provider.c.arn == arn).values(values))


def remove(db: Connection, arn: str) -> None:
    """Delete a provider with its tags, if it is there."""
    entities.remove_tags(db, arn, [tag.key for tag in entities.tags(db, arn)])
    db.execute(delete(_provider).where(_provider.c.arn == arn))


def _read(db: Connection, row: Row[Any]) -> OidcProvider:
    return OidcProvider(
        account=row.account,
        url=row.url,
        client_ids=tuple(json.loads(row.client_ids)),
        thumbprints=tuple(json.loads(row.thumbprints)),
        created_at=row.created_at,
        tags=entities.tags(db, row.arn),
    )
