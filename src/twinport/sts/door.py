"""The STS API: a table from each operation to what it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps

from twinport.access.calls import Call
from twinport.access.session_limits import check_sts
from twinport.aws.dispatch import Handler
from twinport.aws.protocols import WireError
from twinport.errors import Refusal
from twinport.refusals.identities import (
    AuthorizationMessageInvalid,
    PolicyMalformed,
    PolicyNotThere,
    RootMayNotAssume,
    SessionMayNotCall,
    SessionPoliciesTooLarge,
    SessionTagsInvalid,
)
from twinport.refusals.oidc import IssuerUnreachable, TokenExpired, TokenInvalid, WebIdentityDenied
from twinport.sts.callers import CallerOperations, Decoding, KeyOwners
from twinport.sts.roles import Assumptions, RoleOperations, WebIdentities
from twinport.sts.users import OwnSessions, UserOperations

ERRORS: Mapping[type[Refusal], WireError] = {
    AuthorizationMessageInvalid: WireError("InvalidAuthorizationMessageException"),
    PolicyMalformed: WireError("MalformedPolicyDocument"),
    PolicyNotThere: WireError("ValidationError"),
    RootMayNotAssume: WireError("AccessDenied", 403),
    IssuerUnreachable: WireError("IDPCommunicationError"),
    TokenExpired: WireError("ExpiredTokenException"),
    TokenInvalid: WireError("InvalidIdentityToken"),
    WebIdentityDenied: WireError("AccessDenied", 403),
    SessionMayNotCall: WireError("AccessDenied", 403),
    SessionTagsInvalid: WireError("InvalidParameterValue"),
    SessionPoliciesTooLarge: WireError("PackedPolicyTooLarge"),
}

# Requests without a signature: a token identifies the caller.
UNSIGNED = frozenset({"AssumeRoleWithWebIdentity"})


@dataclass(frozen=True, slots=True)
class Verbs:
    """The operations behind the door."""

    assumptions: Assumptions
    web_identities: WebIdentities
    own_sessions: OwnSessions
    key_owners: KeyOwners
    decoding: Decoding


def handlers(verbs: Verbs) -> Mapping[str, Handler[Call]]:
    """Return the implemented operations. Every other operation of the model is refused by name."""
    operations = {
        **RoleOperations(verbs.assumptions, verbs.web_identities).table(),
        **UserOperations(verbs.own_sessions).table(),
        **CallerOperations(verbs.key_owners, verbs.decoding).table(),
    }
    return {name: _within_limits(name, handler) for name, handler in operations.items()}


def _within_limits(operation: str, handler: Handler[Call]) -> Handler[Call]:
    """First refuse temporary credentials that may not call the operation."""

    @wraps(handler)
    async def limited(call: Call, request: object) -> Mapping[str, object] | None:
        check_sts(call.caller, operation)
        return await handler(call, request)

    return limited
