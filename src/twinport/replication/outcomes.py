"""How an attempt at a delivery can end."""

from dataclasses import dataclass

from twinport.errors import AccessDenied, Refusal
from twinport.model.replication import FailureCode, Landed
from twinport.refusals.storage import BlobMissing


@dataclass(frozen=True, slots=True)
class Hindered:
    """It did not work and may work later; `code` is for the day when it was tried often enough."""

    reason: str
    code: FailureCode = FailureCode.INTERNAL_ERROR


@dataclass(frozen=True, slots=True)
class Hopeless:
    """It will not work, however often it is tried."""

    code: FailureCode
    reason: str


Outcome = Landed | Hindered | Hopeless


def outcome_of(refusal: Refusal) -> Hindered | Hopeless:
    """Decide what a refusal met on the way means for the delivery."""
    match refusal:
        case AccessDenied():
            return Hopeless(FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED, refusal.message)
        case BlobMissing():
            return Hindered(refusal.message, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        case _:
            return Hindered(refusal.message)
