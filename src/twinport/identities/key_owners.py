"""Finds the account that an access key id belongs to."""

from dataclasses import dataclass

from twinport.access.gate import AnyResource, Gate
from twinport.catalog import credentials
from twinport.catalog.ports import Catalog
from twinport.model.identities import Caller
from twinport.model.names import AccountId
from twinport.refusals.identities import KeyIdUnknown


@dataclass(frozen=True, slots=True)
class KeyOwners:
    catalog: Catalog
    gate: Gate

    async def account_of(self, caller: Caller, access_key_id: str) -> AccountId:
        """Return the account of a key or session of any owner, whether or not it is active.

        Raises AccessDenied, or KeyIdUnknown for an id that was not issued here or is forgotten.
        """
        await self.gate.authorize(caller, "sts:GetAccessKeyInfo", AnyResource(caller.account, caller.origin.region))
        account = await self.catalog.partition.read(lambda db: credentials.account_of_key(db, access_key_id))
        if account is None:
            raise KeyIdUnknown
        return account
