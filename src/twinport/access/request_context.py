"""The condition keys of a request with their values. A key without a known value is absent."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from twinport.access.gate import Context
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.letters import lower_ascii
from twinport.model.names import AccountId
from twinport.policies.wildcards import RequestContext


class LateContext(Mapping[str, tuple[str, ...]]):
    """A context that is built when a policy first asks about it. Most policies have no conditions and no variables."""

    __slots__ = ("_build", "_built")

    def __init__(self, build: Callable[[], RequestContext]) -> None:
        self._build = build
        self._built: RequestContext | None = None

    def __getitem__(self, key: str) -> tuple[str, ...]:
        return self._whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    @property
    def was_asked(self) -> bool:
        """Tell whether a policy asked about it."""
        return self._built is not None

    def _whole(self) -> RequestContext:
        if self._built is None:
            self._built = self._build()
        return self._built


def request_context(
    caller: Caller,
    principal_tags: Mapping[str, str],
    owner: AccountId,
    of_resource: Mapping[str, str],
    given: Context,
) -> RequestContext:
    """Build the condition keys that policies may ask about, with keys in lower case.

    `owner` and `of_resource` (its tags) come from the resource; `given` holds the keys of the operation.
    """
    tags = {**principal_tags, **(caller.session.tags if caller.session else {})}
    keys = {
        **_of_principal(caller),
        **{f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
        **_of_session(caller),
        **_of_request(caller),
        "aws:ResourceAccount": owner,
    }
    context = {lower_ascii(key): (value,) for key, value in keys.items()}
    federation = caller.session.federation if caller.session else None
    vouched = {lower_ascii(key): values for key, values in federation.keys.items()} if federation else {}
    tagged = folded({key: (value,) for key, value in of_resource.items()})
    return context | tagged | vouched | folded(given)


def folded(keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Convert keys to lower case. Tags whose keys differ in case alone become one key with several values.

    No condition can tell which of them is meant: docs/decisions/0037-tag-keys-and-case.md.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key, values in keys.items():
        name = lower_ascii(key)
        found[name] = tuple(dict.fromkeys((*found[name], *values))) if name in found else values
    return found


def resource_tag_keys(service: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return a resource's tags as condition keys: the global keys and those of its service."""
    prefixes = ("aws", service)
    return {f"{prefix}:ResourceTag/{key}": value for prefix in prefixes for key, value in tags.items()}


def _of_principal(caller: Caller) -> dict[str, str]:
    if caller.kind is PrincipalKind.WEB_IDENTITY:
        return {"aws:FederatedProvider": caller.principal_arn, "aws:PrincipalIsAWSService": "false"}
    if caller.kind is PrincipalKind.SERVICE:
        return _of_service(caller.principal_arn)
    keys = {
        "aws:PrincipalArn": caller.arn if caller.kind is PrincipalKind.FEDERATED else caller.principal_arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": caller.kind.value,
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        "aws:userid": caller.user_id,
    }
    if caller.kind is PrincipalKind.USER:
        keys["aws:username"] = caller.arn.rpartition("/")[2]
    return keys


def _of_service(name: str) -> dict[str, str]:
    return {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": name,
        "aws:PrincipalServiceNamesList": name,
        "aws:ViaAWSService": "false",
    }


def _of_session(caller: Caller) -> dict[str, str]:
    if caller.session is None:
        return {}
    keys = {"aws:TokenIssueTime": _written(caller.session.issued_at), "aws:MultiFactorAuthPresent": "false"}
    if caller.session.federation is not None:
        keys["aws:FederatedProvider"] = caller.session.federation.provider
    if caller.session.source_identity is not None:
        keys["aws:SourceIdentity"] = caller.session.source_identity
    return keys


def _of_request(caller: Caller) -> dict[str, str]:
    origin = caller.origin
    keys = {
        "aws:RequestedRegion": origin.region,
        "aws:CurrentTime": _written(origin.at),
        "aws:EpochTime": str(int(origin.at.timestamp())),
        "aws:SecureTransport": "true" if origin.secure else "false",
    }
    # A service's own call has no source address.
    is_services = caller.session is not None and caller.session.service is not None
    sent = {
        "aws:SourceIp": "" if is_services else origin.source_ip,
        "aws:UserAgent": origin.user_agent,
        "aws:Referer": origin.referer,
    }
    return keys | {key: value for key, value in sent.items() if value}


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
