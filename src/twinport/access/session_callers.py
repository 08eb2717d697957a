"""Converts the row of a session to its principal and its caller, and back."""

import json
from dataclasses import dataclass

from twinport.catalog.credentials import SessionRow
from twinport.model.identities import Caller, Federation, Origin, PrincipalKind, Session
from twinport.model.names import (
    AccountId,
    RegionName,
    Registry,
    federated_arn,
    role_arn,
    root_arn,
    session_arn,
    user_arn,
)
from twinport.refusals.callers import CredentialsUnknown


@dataclass(frozen=True, slots=True)
class Holder:
    """The principal behind a session. `unique_id` is that of the role or user, or the account id for a root."""

    kind: PrincipalKind
    account: AccountId
    unique_id: str


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """The role behind a session."""

    account: AccountId
    unique_id: str
    name: str
    path: str

    @property
    def holder(self) -> Holder:
        return Holder(PrincipalKind.ROLE_SESSION, self.account, self.unique_id)


def session_caller(role: RoleFacts, session: Session, origin: Origin, access_key_id: str) -> Caller:
    """Return the caller of a session of `role`."""
    return Caller(
        account=role.account,
        kind=PrincipalKind.ROLE_SESSION,
        arn=session_arn(role.account, role.name, session.name),
        user_id=f"{role.unique_id}:{session.name}",
        principal_arn=role_arn(role.account, role.path, role.name),
        unique_id=role.unique_id,
        origin=origin,
        session=session,
        access_key_id=access_key_id,
    )


def caller_of(row: SessionRow, origin: Origin) -> Caller:
    """Return the caller of a stored session. Raises CredentialsUnknown when the principal behind it is deleted."""
    session, kind = _session_of(row), PrincipalKind(json.loads(row.facts).get("kind", PrincipalKind.ROLE_SESSION.value))
    if kind is PrincipalKind.ROLE_SESSION:
        if row.role_name is None or row.role_path is None:
            raise CredentialsUnknown
        role = RoleFacts(row.account, row.principal_id, row.role_name, row.role_path)
        return session_caller(role, session, origin, row.access_key_id)
    behind = _principal_of(row)
    is_federated = kind is PrincipalKind.FEDERATED
    return Caller(
        account=row.account,
        kind=kind,
        arn=federated_arn(row.account, session.name) if is_federated else behind,
        user_id=f"{row.account}:{session.name}" if is_federated else row.principal_id,
        principal_arn=behind,
        unique_id=row.principal_id,
        origin=origin,
        session=session,
        access_key_id=row.access_key_id,
    )


def facts_of(kind: PrincipalKind, session: Session) -> str:
    """Encode the facts of a session that have no column of their own."""
    places = session.binding
    return json.dumps(
        {
            "kind": kind.value,
            "policies": session.policies,
            "policy_arns": session.policy_arns,
            "tags": dict(session.tags),
            "transitive": sorted(session.transitive),
            "source_identity": session.source_identity,
            "service": session.service,
            "federation": session.federation and [session.federation.provider, dict(session.federation.keys)],
            "is_of_open_account": session.is_of_open_account,
            "binding": places and [[place.account, place.region] for place in places],
        }
    )


def _principal_of(row: SessionRow) -> str:
    """Return the ARN of the user or root behind a session of its own."""
    if row.principal_id == row.account:
        return root_arn(row.account)
    if row.user_name is None or row.user_path is None:
        raise CredentialsUnknown
    return user_arn(row.account, row.user_path, row.user_name)


def _session_of(row: SessionRow) -> Session:
    facts = json.loads(row.facts)
    return Session(
        name=row.name,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        policies=tuple(facts["policies"]),
        policy_arns=tuple(facts["policy_arns"]),
        tags=facts["tags"],
        transitive=frozenset(facts.get("transitive", ())),
        source_identity=facts.get("source_identity"),
        service=facts["service"],
        binding=_binding_of(facts["binding"]),
        federation=_federation_of(facts.get("federation")),
        # Sessions of earlier versions lack this fact. A root's sessions last at most an hour, so none is trusted.
        is_of_open_account=facts.get("is_of_open_account", row.principal_id == row.account),
    )


def _federation_of(stored: tuple[str, dict[str, list[str]]] | None) -> Federation | None:
    if stored is None:
        return None
    provider, keys = stored
    return Federation(provider, {key: tuple(values) for key, values in keys.items()})


def _binding_of(stored: list[list[str]] | None) -> tuple[Registry, Registry] | None:
    if stored is None:
        return None
    source, destination = (Registry(AccountId(account), RegionName(region)) for account, region in stored)
    return source, destination
