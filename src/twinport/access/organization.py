"""The organization that accounts may belong to: what it takes away from them, and which condition keys it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twinport.access.policy import Policy
from twinport.model.identities import Caller
from twinport.model.names import AccountId

_SERVICE_ROLES = ":role/aws-service-role/"
# The services of those that are built here on which policies on resources have a say (AWS lists them; IAM is not one).
_RESOURCE_CONTROLLED = ("ecr:", "sts:")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account stands. `path` is AWS's: organization, root, units from above, each followed by a slash.

    `service_control` has a level for the root, for each unit, and for the account, of which every one must allow.
    """

    path: str
    service_control: tuple[tuple[Policy, ...], ...]
    resource_control: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization; without an `id`, none. Its management account is a member whom no policy limits."""

    id: str = ""
    management: AccountId | None = None
    places: Mapping[AccountId, Place] = field(default_factory=dict)

    def service_control(self, caller: Caller) -> tuple[tuple[Policy, ...], ...]:
        """Return the levels that limit a caller. Service-linked roles are exempt, and who is of no account yet."""
        exempt = _is_service_linked(caller) or not caller.kind.is_of_an_account
        return () if exempt else self.levels_above(caller.account)

    def levels_above(self, account: AccountId) -> tuple[tuple[Policy, ...], ...]:
        """Return the levels of service control policies above an account; none for the management account."""
        place = self._limited(account)
        return () if place is None else place.service_control

    def resource_control(self, caller: Caller, owner: AccountId, action: str) -> tuple[Policy, ...]:
        """Return the policies on the resources of an account, where they have a say."""
        place = self._limited(owner)
        exempt = place is None or _is_service_linked(caller) or not action.startswith(_RESOURCE_CONTROLLED)
        return () if exempt or place is None else place.resource_control

    def keys_of(self, caller: Caller) -> dict[str, tuple[str, ...]]:
        """Name a caller's membership as condition keys."""
        return self.keys(caller.account, "Principal") if caller.kind.is_of_an_account else {}

    def keys(self, account: AccountId, of: str) -> dict[str, tuple[str, ...]]:
        """Name an account's membership as condition keys. `of` is `Principal` or `Resource`."""
        place = self.places.get(account)
        if place is None:
            return {}
        return {f"aws:{of}OrgID": (self.id,), f"aws:{of}OrgPaths": (place.path,)}

    def _limited(self, account: AccountId) -> Place | None:
        return None if account == self.management else self.places.get(account)


NO_ORGANIZATION = Organization()


def _is_service_linked(caller: Caller) -> bool:
    return _SERVICE_ROLES in caller.principal_arn
