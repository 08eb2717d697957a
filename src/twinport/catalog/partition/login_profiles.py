"""The passwords of users, hashed, in the partition's database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from twinport.catalog.partition.schema import login_profile


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """`password` is a salted hash. Sessions that began before `changed_at` are over."""

    user_id: str
    password: str
    created_at: datetime
    changed_at: datetime


def find(db: Connection, user_id: str) -> LoginProfile | None:
    columns = login_profile.c
    query = select(columns.user_id, columns.password, columns.created_at, columns.changed_at)
    row = db.execute(query.where(columns.user_id == user_id)).one_or_none()
    return LoginProfile(*row) if row else None


def insert_profile(db: Connection, profile: LoginProfile) -> None:
    db.execute(
        insert(login_profile).values(
            user_id=profile.user_id,
            password=profile.password,
            created_at=profile.created_at,
            changed_at=profile.changed_at,
        )
    )


def replace(db: Connection, profile: LoginProfile) -> None:
    """Replace a stored profile; `created_at` stays."""
    db.execute(
        update(login_profile)
        .where(login_profile.c.user_id == profile.user_id)
        .values(password=profile.password, changed_at=profile.changed_at)
    )


def remove(db: Connection, user_id: str) -> None:
    db.execute(delete(login_profile).where(login_profile.c.user_id == user_id))
