"""Cases of the decision, read from the files of cases/ (their form is explained in cases/README.md)."""

import json
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypedDict, cast

from tests import fakes
from twinport.model.identities import PrincipalKind
from twinport.model.names import AccountId
from twinport.policies.documents import Policy, PolicyKind, parse
from twinport.policies.evaluate import AuthorizationRequest, Policies
from twinport.policies.grants import FederatedPrincipal, Identity, Principal, ServicePrincipal

FOLDER = Path(__file__).parent / "cases"
HERE, THERE = fakes.ACCOUNT, fakes.OTHER_ACCOUNT


def _user(account: AccountId, name: str, unique_id: str) -> Identity:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Identity(PrincipalKind.USER, account, arn, arn, unique_id)


def _session(account: AccountId, role: str, session: str, unique_id: str) -> Identity:
    arn = f"arn:aws:iam::{account}:role/{role}"
    caller = f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}"
    return Identity(PrincipalKind.ROLE_SESSION, account, arn, caller, unique_id)


def _root(account: AccountId) -> Identity:
    arn = f"arn:aws:iam::{account}:root"
    return Identity(PrincipalKind.ROOT, account, arn, arn, account)


REPLICATION = "aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"
WHO: dict[str, Principal] = {
    "alice": _user(HERE, "alice", "AIDAALICEALICEALICEA"),
    "bob": _user(THERE, "bob", "AIDABOBBOBBOBBOBBOBB"),
    "builder": _session(HERE, "ci/builder", "build-7", "AROABUILDERBUILDERBU"),
    "far builder": _session(THERE, "ci/builder", "build-7", "AROAFARBUILDERBUILDE"),
    "root": _root(HERE),
    "far root": _root(THERE),
    "carol, federated by alice": Identity(
        PrincipalKind.FEDERATED,
        HERE,
        f"arn:aws:iam::{HERE}:user/alice",
        f"arn:aws:sts::{HERE}:federated-user/carol",
        "AIDAALICEALICEALICEA",
    ),
    "far replication role": _session(THERE, REPLICATION, "r1", "AROAREPLICATIONREPLI"),
    "replication role": _session(HERE, REPLICATION, "r1", "AROAREPLICATIONREPLI"),
    "replication service": ServicePrincipal("replication.ecr.amazonaws.com"),
    "a workflow": FederatedPrincipal(f"arn:aws:iam::{HERE}:oidc-provider/token.actions.githubusercontent.com"),
}


class Raw(TypedDict, total=False):
    name: str
    who: str
    does: str
    to: str
    owner: str
    version: str
    context: dict[str, str | list[str]]
    padded: dict[str, int]
    identity: list[object]
    boundary: list[object]
    session: list[object]
    repository: list[object]
    registry: list[object]
    trust: list[object]
    service_control: list[list[object]]
    resource_control: list[object]
    expect: str


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    request: AuthorizationRequest
    policies: Policies
    expect: str
    # As it stands in the file, for who asks it over HTTP (over_http.py).
    raw: Raw


@cache
def load() -> tuple[Case, ...]:
    """Read every case of every file, once."""
    return tuple(
        _case(path.stem, cast("Raw", raw))
        for path in sorted(FOLDER.glob("*.toml"))
        for raw in tomllib.loads(path.read_text())["case"]
    )


def silent(case: Case) -> Case:
    """The same request, about which no policy says anything."""
    return replace(case, policies=Policies())


def _case(file: str, raw: Raw) -> Case:
    unknown = raw.keys() - Raw.__annotations__.keys()
    assert not unknown, f"{raw['name']}: {unknown}"
    for key, length in raw.get("padded", {}).items():
        raw["context"][key] = str(raw["context"][key]).ljust(length, "x")
    context = {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in _context(raw)}
    request = AuthorizationRequest(
        principal=WHO[raw.get("who", "alice")],
        action=raw.get("does", "ecr:PutImage"),
        resource=raw.get("to", f"arn:aws:ecr:eu-west-1:{HERE}:repository/team/api"),
        account=AccountId(raw.get("owner", HERE)),
        context=context,
    )
    return Case(f"{file}: {raw['name']}", request, _policies(raw), raw["expect"], raw)


def _context(raw: Raw) -> list[tuple[str, str | list[str]]]:
    return list(raw.get("context", {}).items())


def _policies(raw: Raw) -> Policies:
    version = raw.get("version", "2012-10-17")

    def read(kind: PolicyKind, statements: list[object]) -> Policy:
        return parse(json.dumps({"Version": version, "Statement": statements}), kind)

    return Policies(
        identity=(read(PolicyKind.IDENTITY, raw["identity"]),) if "identity" in raw else (),
        boundary=read(PolicyKind.BOUNDARY, raw["boundary"]) if "boundary" in raw else None,
        session=_session_policies(raw, read(PolicyKind.SESSION, raw["session"]) if raw.get("session") else None),
        resource=(
            *([read(PolicyKind.REPOSITORY, raw["repository"])] if "repository" in raw else []),
            *([read(PolicyKind.REGISTRY, raw["registry"])] if "registry" in raw else []),
        ),
        trust=read(PolicyKind.TRUST, raw["trust"]) if "trust" in raw else None,
        service_control=tuple((read(PolicyKind.SERVICE_CONTROL, each),) for each in raw.get("service_control", [])),
        resource_control=(
            (read(PolicyKind.RESOURCE_CONTROL, raw["resource_control"]),) if "resource_control" in raw else ()
        ),
    )


def _session_policies(raw: Raw, policy: Policy | None) -> tuple[Policy, ...] | None:
    if "session" not in raw:
        return None
    return () if policy is None else (policy,)
