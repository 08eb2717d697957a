"""Operations that temporary credentials may not call, whatever policies say.

The source is AWS's comparison of the credentials that STS issues. Credentials of GetSessionToken without MFA and of
GetFederationToken may not call IAM, and may call only the listed operations of STS. Credentials of a role may not get
a user's tokens.
"""

from collections.abc import Collection, Mapping

from twinport.model.identities import Caller, PrincipalKind
from twinport.refusals.identities import SessionMayNotCall

_WHO = "GetCallerIdentity"
_ONLY: Mapping[PrincipalKind, Collection[str]] = {
    PrincipalKind.ROOT: (_WHO, "AssumeRole"),
    PrincipalKind.USER: (_WHO, "AssumeRole"),
    PrincipalKind.FEDERATED: (_WHO,),
}
_OF_LONG_TERM_KEYS = ("GetSessionToken", "GetFederationToken")


def check_sts(caller: Caller, operation: str) -> None:
    """Raise SessionMayNotCall for an operation of STS that the caller's kind of credentials may not call."""
    if caller.session is None:
        return
    listed = _ONLY.get(caller.kind)
    if operation in _OF_LONG_TERM_KEYS or (listed is not None and operation not in listed):
        raise SessionMayNotCall(operation)


def may_call_iam(caller: Caller) -> bool:
    """Tell whether the credentials may call IAM. If not, IAM answers as for a key that does not exist."""
    return caller.session is None or caller.kind not in _ONLY
