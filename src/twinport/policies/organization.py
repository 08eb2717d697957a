"""The organization that accounts may belong to: how it limits them, and which condition keys it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twinport.model.identities import Caller
from twinport.model.names import AccountId
from twinport.policies.documents import Policy

_SERVICE_ROLES = ":role/aws-service-role/"
# The services of this server to which resource control policies apply (AWS lists them; IAM is not one).
_RESOURCE_CONTROLLED = ("ecr:", "sts:")


@dataclass(frozen=True, slots=True)
class Place:
    """An account's place. `path` is AWS's: organization, root, units from the top, each followed by a slash.

    `service_control` has a level for the root, for each unit, and for the account. Every level must allow.
    """

    path: str
    service_control: tuple[tuple[Policy, ...], ...]
    resource_control: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization; without an `id`, none. Its management account is a member that no policy limits."""

    id: str = ""
    management: AccountId | None = None
    places: Mapping[AccountId, Place] = field(default_factory=dict)

    def service_control(self, caller: Caller) -> tuple[tuple[Policy, ...], ...]:
        """Return the levels that limit a caller. Service-linked roles and callers without an account are exempt."""
        exempt = _is_service_linked(caller) or not caller.kind.is_of_an_account
        return () if exempt else self.levels_above(caller.account)

    def levels_above(self, account: AccountId) -> tuple[tuple[Policy, ...], ...]:
        """Return the levels of service control policies above an account; none for the management account."""
        place = self._limited(account)
        return () if place is None else place.service_control

    def resource_control(self, caller: Caller, owner: AccountId, action: str) -> tuple[Policy, ...]:
        """Return the resource control policies of an account, where they apply."""
        place = self._limited(owner)
        exempt = place is None or _is_service_linked(caller) or not action.startswith(_RESOURCE_CONTROLLED)
        return () if exempt or place is None else place.resource_control

    def keys_of(self, caller: Caller) -> dict[str, tuple[str, ...]]:
        """Return a caller's membership as condition keys."""
        return self.keys(caller.account, "Principal") if caller.kind.is_of_an_account else {}

    def keys(self, account: AccountId, of: str) -> dict[str, tuple[str, ...]]:
        """Return an account's membership as condition keys. `of` is `Principal` or `Resource`."""
        place = self.places.get(account)
        if place is None:
            return {}
        return {f"aws:{of}OrgID": (self.id,), f"aws:{of}OrgPaths": (place.path,)}

    def _limited(self, account: AccountId) -> Place | None:
        return None if account == self.management else self.places.get(account)


NO_ORGANIZATION = Organization()


def _is_service_linked(caller: Caller) -> bool:
    return _SERVICE_ROLES in caller.principal_arn
