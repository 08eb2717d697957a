"""The parts that STS's requests and answers share on the wire: policies, tags, credentials."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from twinport.access.session_policies import SessionPolicies
from twinport.access.sessions import Credentials
from twinport.aws.types import sts
from twinport.model.entities import Tag
from twinport.refusals.requests import NotBuiltYet


def only(operation: str, request: Mapping[str, object], honored: Collection[str]) -> None:
    """Refuse members that this server does not support. Raises NotBuiltYet."""
    if others := sorted(request.keys() - set(honored)):
        raise NotBuiltYet(f"{', '.join(others)} of {operation}")


def length_of(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def policies_of(document: str | None, named: Iterable[sts.PolicyDescriptorType]) -> SessionPolicies:
    return SessionPolicies(document, tuple(each["arn"] for each in named if "arn" in each))


def tags_of(given: Iterable[sts.Tag]) -> tuple[Tag, ...]:
    return tuple(Tag(each["Key"], each["Value"]) for each in given)


def shown_credentials(credentials: Credentials) -> sts.Credentials:
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret,
        "SessionToken": credentials.token,
        "Expiration": credentials.expires_at,
    }
