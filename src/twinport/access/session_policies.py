"""The policies that narrow a session: their checks before the session is issued, and their packed size."""

from dataclasses import dataclass

from twinport.access.policy_library import PolicyLibrary
from twinport.model.entities import Tag
from twinport.model.names import AccountId
from twinport.policies.documents import PolicyKind, parse_given
from twinport.refusals.identities import PolicyNotThere, SessionPoliciesTooLarge
from twinport.refusals.requests import ConstraintsViolated

MOST_PACKED = 2048
MOST_ARNS = 10


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """The requested session policies: a document, and managed policies of the account or of AWS."""

    document: str | None = None
    arns: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[str, ...]:
        return () if self.document is None else (self.document,)


NO_POLICIES = SessionPolicies()


def packed_percent(policies: SessionPolicies, tags: tuple[Tag, ...], transitive: tuple[str, ...] = ()) -> int:
    """Return the used share of the size limit for session policies and tags, rounded up to a whole percent."""
    texts = [text for tag in tags for text in (tag.key, tag.value)]
    size = sum(map(len, (*policies.documents, *policies.arns, *texts, *transitive)))
    return -(-100 * size // MOST_PACKED)


async def check(library: PolicyLibrary, account: AccountId, policies: SessionPolicies, percent: int) -> None:
    """Raise SessionPoliciesTooLarge, PolicyMalformed, PolicyNotThere or ConstraintsViolated for invalid policies."""
    if len(policies.arns) > MOST_ARNS:
        must = f"have length less than or equal to {MOST_ARNS}"
        raise ConstraintsViolated([f"Value at 'policyArns' failed to satisfy constraint: Member must {must}"])
    if percent > 100:  # noqa: PLR2004 — per cent
        raise SessionPoliciesTooLarge(percent)
    if policies.document is not None:
        parse_given(policies.document, PolicyKind.SESSION)
    for arn in policies.arns:
        if not await library.has_policy(account, arn):
            raise PolicyNotThere(arn)
