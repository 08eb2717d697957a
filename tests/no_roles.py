"""Service-linked roles where none is needed: rules are only removed."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from twinport.model.identities import Caller
from twinport.model.names import Registry

T = TypeVar("T")


class NoRoles:
    async def store_under(
        self, caller: Caller, registry: Registry, service: str, store: Callable[[Connection, str], T]
    ) -> T:
        raise AssertionError((caller, registry, service, store))
