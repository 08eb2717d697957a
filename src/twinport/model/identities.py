"""Callers: principals, sessions, and the facts of the request that policies may test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from twinport.model.names import AccountId, RegionName, Registry

REPLICATION_SERVICE = "replication.ecr.amazonaws.com"
REPLICATION_ROLE = "AWSServiceRoleForECRReplication"
TEMPLATE_SERVICE = "ecr.amazonaws.com"
TEMPLATE_ROLE = "AWSServiceRoleForECRTemplate"


class PrincipalKind(Enum):
    ROOT = "Account"
    USER = "User"
    ROLE_SESSION = "AssumedRole"
    FEDERATED = "FederatedUser"
    # The subject of an identity provider's token, until a role lets it in. It belongs to no account.
    WEB_IDENTITY = "WebIdentityUser"
    # A service in its own name. Only questions about permissions use it: a service here calls as a session of its role.
    SERVICE = "AWSService"

    @property
    def is_of_an_account(self) -> bool:
        """Tell whether the principal belongs to an account, so that policies of account and organization apply."""
        return self not in (PrincipalKind.WEB_IDENTITY, PrincipalKind.SERVICE)


@dataclass(frozen=True, slots=True)
class Federation:
    """The origin of a web identity's session: the provider's ARN, and the token's claims as condition keys."""

    provider: str
    keys: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Session:
    """The facts that a temporary credential adds to its principal.

    `binding` is set for sessions of a service-linked role alone: the source and the one destination registry that
    the session may act on. `policies` are session policies as text, which narrow and never grant. A session that this
    one starts inherits `source_identity` and the tags whose keys are in `transitive`, in lower case.
    `is_of_open_account`: the root of an open account started it, or such a session did. It is valid only for clients
    to which accounts are open.
    """

    name: str
    issued_at: datetime
    expires_at: datetime
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str | None = None
    service: str | None = None
    binding: tuple[Registry, Registry] | None = None
    federation: Federation | None = None
    is_of_open_account: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """The facts of a request that do not depend on its caller.

    `is_local`: the client is known to be on this machine, with no known proxy in between.
    """

    region: RegionName
    source_ip: str
    secure: bool
    user_agent: str
    at: datetime
    referer: str = ""
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A generation of IAM's data, and when the answer came, in seconds of a monotonic clock."""

    generation: int
    at: float


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified principal. The gate loads its current permissions by `unique_id`.

    `arn` and `user_id` are what GetCallerIdentity answers; `principal_arn` is the user, the role (with its path) or
    the account root (condition key aws:PrincipalArn); `unique_id` is AIDA…, AROA… or the account id.
    """

    account: AccountId
    kind: PrincipalKind
    arn: str
    user_id: str
    principal_arn: str
    unique_id: str
    origin: Origin
    session: Session | None = None
    access_key_id: str = ""
    # The generation at which the credentials were verified. It is no fact of the caller.
    reading: Reading | None = field(default=None, compare=False, repr=False)
