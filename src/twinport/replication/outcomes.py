"""How an attempt at a delivery can end."""

from dataclasses import dataclass

from twinport.errors import AccessDenied, Refusal
from twinport.model.replication import FailureCode, Landed
from twinport.refusals.storage import BlobMissing


@dataclass(frozen=True, slots=True)
class Hindered:
    """The attempt failed, and a later one may succeed. `code` is the failure's code once no attempt is left."""

    reason: str
    code: FailureCode = FailureCode.INTERNAL_ERROR


@dataclass(frozen=True, slots=True)
class Hopeless:
    """The delivery fails, however often it is tried."""

    code: FailureCode
    reason: str


Outcome = Landed | Hindered | Hopeless


def outcome_of(refusal: Refusal) -> Hindered | Hopeless:
    """Decide whether a delivery that met a refusal may succeed later."""
    match refusal:
        case AccessDenied():
            return Hopeless(FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED, refusal.message)
        case BlobMissing():
            return Hindered(refusal.message, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        case _:
            return Hindered(refusal.message)
