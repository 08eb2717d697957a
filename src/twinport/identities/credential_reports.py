"""Credential reports: how old the passwords and keys of an account's users are, and when they were last used."""

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from twinport.access.uses import Uses
from twinport.catalog.partition import credential_reports
from twinport.catalog.partition.credential_reports import Credentials, StoredReport
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.identities.entities import Entities
from twinport.model.entities import AccessKey, KeyStatus
from twinport.model.identities import Caller
from twinport.model.names import AccountId, root_arn
from twinport.refusals.identities import ReportExpired, ReportMissing

LIFE = timedelta(hours=4)
_KEYS_SHOWN = 2
_COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(
        f"access_key_{number}_{what}"
        for number in (1, 2)
        for what in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    ),
    *("cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"),
)
_NONE, _NEVER_USED, _NOT_SUPPORTED = "N/A", "no_information", "not_supported"
_NO_CERTIFICATES = ("false", _NONE, "false", _NONE)
# Accounts that are open were never created.
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CredentialReports:
    catalog: Catalog
    entities: Entities
    uses: Uses
    world: Clock

    async def generate(self, caller: Caller) -> None:
        """Make a report of the current state, and keep it for four hours."""
        await self.entities.ask_of_account(caller, "iam:GenerateCredentialReport")
        await self.uses.settle()
        account, read = caller.account, self.catalog.partition.read
        created, keys = await read(lambda db: credential_reports.of_root(db, account))
        rows = [_root_row(root_arn(account), created or _ALWAYS, keys)]
        for name in await read(lambda db: credential_reports.user_names(db, account)):
            # A read does not yield on SQLite, so yield to other tasks after each user.
            await asyncio.sleep(0)
            if (found := await self._of_user(account, name)) is not None:
                rows.append(_row(found))
        report = StoredReport(_written(rows), self.world.now())
        await self.catalog.partition.record(lambda db: credential_reports.put(db, account, report))

    async def get(self, caller: Caller) -> StoredReport:
        """Return the last report. Raises ReportMissing, ReportExpired."""
        await self.entities.ask_of_account(caller, "iam:GetCredentialReport")
        found = await self.catalog.partition.read(lambda db: credential_reports.find(db, caller.account))
        if found is None:
            raise ReportMissing
        if found.generated_at + LIFE <= self.world.now():
            raise ReportExpired
        return found

    async def _of_user(self, account: AccountId, name: str) -> Credentials | None:
        return await self.catalog.partition.read(lambda db: credential_reports.of_user(db, account, name))


def _written(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    return text.getvalue().rstrip("\n")


def _root_row(arn: str, created: datetime, keys: Sequence[AccessKey]) -> list[str]:
    password = [_NOT_SUPPORTED, _NEVER_USED, _NOT_SUPPORTED, _NOT_SUPPORTED]
    return ["<root_account>", arn, created.isoformat(), *password, "false", *_keys(keys), *_NO_CERTIFICATES]


def _row(found: Credentials) -> list[str]:
    user = found.user
    return [
        *(user.name, user.arn, _moment(user.created_at)),
        *_password(found),
        "false",
        *_keys(found.keys),
        *_NO_CERTIFICATES,
    ]


def _password(found: Credentials) -> list[str]:
    if found.password is None:
        return ["false", _NONE, _NONE, _NONE]
    used = found.user.password_last_used_at
    return ["true", _NEVER_USED if used is None else _moment(used), _moment(found.password.changed_at), _NONE]


def _keys(keys: Sequence[AccessKey]) -> list[str]:
    shown = [cell for key in keys[:_KEYS_SHOWN] for cell in _key(key)]
    absent = ["false", _NONE, _NONE, _NONE, _NONE]
    return [*shown, *absent * (_KEYS_SHOWN - len(keys[:_KEYS_SHOWN]))]


def _key(key: AccessKey) -> list[str]:
    use = key.last_use
    last = [_NONE] * 3 if use is None else [_moment(use.at), use.region, use.service]
    return ["true" if key.status is KeyStatus.ACTIVE else "false", _moment(key.created_at), *last]


def _moment(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()
