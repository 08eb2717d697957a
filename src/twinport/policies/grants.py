"""Which principals a statement of a resource policy names, and how strongly it names a caller."""

import re
from dataclasses import dataclass
from enum import Enum, IntEnum

from twinport.model.identities import PrincipalKind
from twinport.model.names import PARTITION, AccountId, is_account_id
from twinport.refusals.identities import PolicyMalformed

_ROOT = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):root")
# Every visible character but the wildcards, which a principal may not contain.
_ARN = re.compile(
    rf"arn:{PARTITION}:(iam::[0-9]{{12}}:(user|role)/[\x21-\x29\x2b-\x3e\x40-\x7e]{{1,576}}"
    r"|sts::[0-9]{12}:(assumed-role/[\w+=,.@-]{1,64}/[\w+=,.@-]{1,64}|federated-user/[\w+=,.@-]{1,32}))",
    re.ASCII,
)
_UNIQUE_ID = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,124}")
_SESSION_ID = re.compile(r"AROA[A-Z0-9]{12,124}:[\w+=,.@-]{1,64}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+){1,8}")
_PROVIDER = re.compile(r"[\w.:/+=,@-]{1,1024}", re.ASCII)


class Grant(IntEnum):
    """How strongly a statement names a caller, weakest first.

    ACCOUNT delegates to the caller's account. PRINCIPAL names the user or role behind a session, which boundary and
    session policies still limit. CALLER names the final caller, which only an explicit deny limits.
    """

    ACCOUNT = 1
    PRINCIPAL = 2
    CALLER = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, a role's session, a federated session or an account's root.

    `arn` is that of the user, role or root; `caller_arn` that of the session, where there is one.
    """

    kind: PrincipalKind
    account: AccountId
    arn: str
    caller_arn: str
    unique_id: str

    @property
    def session_id(self) -> str:
        """The name of a role's session in a stored document: `AROA…:SESSION`."""
        return f"{self.unique_id}:{self.caller_arn.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A service that calls on its own behalf, such as `replication.ecr.amazonaws.com`."""

    name: str


@dataclass(frozen=True, slots=True)
class FederatedPrincipal:
    """A caller with a token of an identity provider, before it has a role.

    `provider` is its name in trust documents: the ARN of an OIDC provider, or the domain of a public one.
    """

    provider: str


Principal = Identity | ServicePrincipal | FederatedPrincipal


class PrincipalType(Enum):
    """The keys of a Principal element. CanonicalUser has no meaning here and is refused."""

    AWS = "AWS"
    SERVICE = "Service"
    FEDERATED = "Federated"


@dataclass(frozen=True, slots=True)
class Named:
    """The callers that a Principal element lists.

    A stored document names users and roles by unique id, and their sessions by `AROA…:SESSION`
    (catalog/partition/principal_ids.py).
    """

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    unique_ids: frozenset[str] = frozenset()
    session_ids: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()

    def grant(self, principal: Principal) -> Grant | None:
        """Return the strongest way in which `principal` is named. `*` does not name a FederatedPrincipal."""
        match principal:
            case FederatedPrincipal(provider):
                return Grant.CALLER if provider in self.providers else None
            case _ if self.everyone:
                return Grant.CALLER
            case ServicePrincipal(name):
                return Grant.CALLER if name in self.services else None
            case Identity():
                return self._grant_to(principal)

    def speaks_of(self, principal: Principal) -> bool:
        """Tell whether `principal` is named at all. Here `*` names every principal."""
        return self.everyone or self.grant(principal) is not None

    def lists_all_of(self, principal: Principal) -> bool:
        """Tell whether every name of `principal` is listed: its account, itself, and its session."""
        match principal:
            case ServicePrincipal() | FederatedPrincipal():
                return self.speaks_of(principal)
            case Identity():
                is_root = principal.kind is PrincipalKind.ROOT
                itself = self._lists_itself(principal) and self._lists_session(principal)
                return self.everyone or (principal.account in self.accounts and (itself or is_root))

    def _grant_to(self, principal: Identity) -> Grant | None:
        is_session = principal.caller_arn != principal.arn
        if self._lists_session(principal):
            return Grant.CALLER
        if self._lists_itself(principal):
            return Grant.PRINCIPAL if is_session else Grant.CALLER
        if principal.account in self.accounts:
            return Grant.CALLER if principal.kind is PrincipalKind.ROOT else Grant.ACCOUNT
        return None

    def _lists_itself(self, principal: Identity) -> bool:
        return principal.arn in self.arns or principal.unique_id in self.unique_ids

    def _lists_session(self, principal: Identity) -> bool:
        """Tell whether the final caller is listed: the session, or the user itself when there is no session."""
        if principal.caller_arn in self.arns or principal.session_id in self.session_ids:
            return True
        return principal.caller_arn == principal.arn and principal.unique_id in self.unique_ids


@dataclass(frozen=True, slots=True)
class Only:
    """Principal: the statement names the listed principals."""

    named: Named

    def allows(self, principal: Principal) -> Grant | None:
        return self.named.grant(principal)

    def denies(self, principal: Principal) -> bool:
        return self.named.speaks_of(principal)


@dataclass(frozen=True, slots=True)
class AllBut:
    """NotPrincipal. An Allow speaks of principals with no name listed, a Deny of principals with a name not listed."""

    named: Named

    def allows(self, principal: Principal) -> Grant | None:
        # NotPrincipal never lets in a FederatedPrincipal: a Principal element must name its provider.
        excluded = isinstance(principal, FederatedPrincipal) or self.named.speaks_of(principal)
        return None if excluded else Grant.CALLER

    def denies(self, principal: Principal) -> bool:
        return not self.named.lists_all_of(principal)


Audience = Only | AllBut


def named(element: object) -> Named:
    """Parse the value of Principal or NotPrincipal. Raises PolicyMalformed for a principal of no known form."""
    if element == "*":
        return Named(everyone=True)
    known = {kind.value for kind in PrincipalType}
    if not isinstance(element, dict) or not element or not element.keys() <= known:
        raise PolicyMalformed("Syntax errors in policy.")
    aws, services, providers = (_listed(element, kind) for kind in PrincipalType)
    return Named(
        everyone="*" in aws,
        accounts=frozenset(account for text in aws if (account := _account(text))),
        arns=frozenset(text for text in aws if _ARN.fullmatch(text)),
        unique_ids=frozenset(text for text in aws if _UNIQUE_ID.fullmatch(text)),
        session_ids=frozenset(text for text in aws if _SESSION_ID.fullmatch(text)),
        services=services,
        providers=providers,
    )


def _listed(element: dict[str, object], kind: PrincipalType) -> frozenset[str]:
    value = element.get(kind.value, [])
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str) or not _is_known(text, kind):
            raise PolicyMalformed(f'Invalid principal in policy: "{kind.value}":"{str(text)[:128]}"')
    return frozenset(texts)


def _is_known(text: str, kind: PrincipalType) -> bool:
    match kind:
        case PrincipalType.AWS:
            forms = (_ARN, _UNIQUE_ID, _SESSION_ID)
            return text == "*" or _account(text) is not None or any(form.fullmatch(text) for form in forms)
        case PrincipalType.SERVICE:
            return _SERVICE.fullmatch(text) is not None
        case PrincipalType.FEDERATED:
            return _PROVIDER.fullmatch(text) is not None


def _account(text: str) -> str | None:
    root = _ROOT.fullmatch(text)
    return root[1] if root else text if is_account_id(text) else None
