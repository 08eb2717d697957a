"""The operator at the command line: an operator with access to the databases may do everything, in every account."""

from twinport.access.gate import NO_CONTEXT, Context, Decide, RepositoryResource, Resource, allow_any
from twinport.access.principals import root_caller
from twinport.clock import Clock
from twinport.model.identities import Caller, Origin
from twinport.model.names import AccountId, RegionName

# The operator's calls have no source address. The Region is the one that IAM requests are signed for.
_REGION = RegionName("us-east-1")


class OperatorGate:
    """Lets the operator do everything. A policy could not bind an operator that can write the rows by hand."""

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """Return."""

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        """Return."""

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        """Allow whatever is read."""
        del caller, actions, resource
        return allow_any


def acting_for(account: AccountId, world: Clock) -> Caller:
    """Return the operator as the root of an account."""
    origin = Origin(_REGION, "", secure=True, user_agent="twinport", at=world.now())
    return root_caller(account, origin, access_key_id="")
