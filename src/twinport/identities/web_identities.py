"""Assuming a role with a token of an identity provider: the request is unsigned, and the token proves its sender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from twinport.access import session_policies, session_tags
from twinport.access.gate import Context
from twinport.access.issuer_keys import IssuerKeys, JsonKey
from twinport.access.role_sessions import DEFAULT_LENGTH, AssumedRole, Beginning, RoleSessions
from twinport.access.session_policies import NO_POLICIES, SessionPolicies
from twinport.access.session_tags import SessionTags
from twinport.access.trust import SET_SOURCE_IDENTITY, TAG_SESSION, RoleName, Trust
from twinport.access.web_claims import Unverified, WebIdentity, identity_of
from twinport.catalog.partition import oidc_providers
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.errors import AccessDenied
from twinport.model.identities import Caller, Federation, Origin, PrincipalKind
from twinport.model.names import AccountId
from twinport.model.oidc import OidcProvider
from twinport.refusals.oidc import AudienceWrong, IssuerUnknown, WebIdentityDenied

ASSUME_WITH_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_HTTPS = "https://"


class TokenReader(Protocol):
    """Reads and verifies ID tokens: access.id_tokens."""

    def read(self, token: str) -> Unverified: ...

    def verify(self, token: str, algorithm: str, keys: Sequence[JsonKey]) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class WebWish:
    """The parameters of AssumeRoleWithWebIdentity. Without `length` the session lasts an hour."""

    role: RoleName
    session: str
    token: str
    length: timedelta | None = None
    policies: SessionPolicies = NO_POLICIES


@dataclass(frozen=True, slots=True)
class AssumedByWeb:
    """A session of a role, and the token's subject. `packed_percent` is the share of the size limit that is used."""

    assumed: AssumedRole
    subject: str
    audience: str
    provider: str
    packed_percent: int


@dataclass(frozen=True, slots=True)
class WebIdentities:
    catalog: Catalog
    keys: IssuerKeys
    tokens: TokenReader
    trust: Trust
    sessions: RoleSessions
    # Issuers use the real time, so tokens are checked with the wall clock and not with the world clock.
    wall: Clock

    async def assume(self, origin: Origin, wish: WebWish) -> AssumedByWeb:
        """Issue a session of a role for a valid token of an identity provider of the role's account.

        Raises TokenInvalid, TokenExpired, IssuerUnreachable, WebIdentityDenied (also for a role that does not exist),
        SessionTooLong, SessionTagsInvalid, and what session_policies.check does.
        """
        provider, identity = await self._verified(wish)
        tags = session_tags.combined(None, identity.tags, identity.transitive)
        caller = outsider(origin, provider.arn, identity.subject)
        context = _context(wish, identity, tags)
        try:
            role = await self.trust.authorize_assumption(caller, wish.role, _actions(identity), context)
        except AccessDenied as denial:
            raise WebIdentityDenied(denial.action) from denial
        percent = session_policies.packed_percent(wish.policies, identity.tags, identity.transitive)
        beginning = Beginning(
            name=wish.session,
            length=DEFAULT_LENGTH if wish.length is None else wish.length,
            policies=wish.policies,
            packed_percent=percent,
            tags=tags,
            source_identity=identity.source_identity,
            federation=Federation(provider.arn, identity.kept),
        )
        assumed = await self.sessions.begin(role, beginning)
        return AssumedByWeb(assumed, identity.subject, identity.audiences[0], provider.arn, percent)

    async def _verified(self, wish: WebWish) -> tuple[OidcProvider, WebIdentity]:
        unverified = self.tokens.read(wish.token)
        provider = await self._provider(wish.role.account, unverified.issuer)
        keys = await self.keys.find(provider.issuer, unverified.key_id)
        claims = self.tokens.verify(wish.token, unverified.algorithm, keys)
        identity = identity_of(claims, provider.url, self.wall.now())
        if not set(identity.audiences) & set(provider.client_ids):
            raise AudienceWrong
        return provider, identity

    async def _provider(self, account: AccountId, issuer: str) -> OidcProvider:
        # Compare exactly: a provider's address has no slash at its end, and another spelling is another issuer.
        if not issuer.startswith(_HTTPS) or issuer.endswith("/"):
            raise IssuerUnknown(issuer)
        url = issuer.removeprefix(_HTTPS)
        found = await self.catalog.partition.read(lambda db: oidc_providers.of_issuer(db, account, url))
        if found is None:
            raise IssuerUnknown(issuer)
        return found


def outsider(origin: Origin, provider: str = "", subject: str = "") -> Caller:
    """Return a caller that belongs to no account: the subject of a provider's token, or an anonymous caller."""
    return Caller(
        account=AccountId(""),
        kind=PrincipalKind.WEB_IDENTITY,
        arn=provider,
        user_id=subject,
        principal_arn=provider,
        unique_id="",
        origin=origin,
    )


def _actions(identity: WebIdentity) -> tuple[str, ...]:
    tagging = (TAG_SESSION,) if identity.tags else ()
    naming = (SET_SOURCE_IDENTITY,) if identity.source_identity else ()
    return ASSUME_WITH_WEB_IDENTITY, *tagging, *naming


def _context(wish: WebWish, identity: WebIdentity, tags: SessionTags) -> Context:
    keys = {**identity.keys, "sts:RoleSessionName": (wish.session,), **session_tags.context(tags)}
    if wish.length is not None:
        keys["sts:DurationSeconds"] = (str(int(wish.length.total_seconds())),)
    if identity.source_identity is not None:
        keys["sts:SourceIdentity"] = (identity.source_identity,)
    return keys
