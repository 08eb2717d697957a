"""Formats numbers, times and states for people."""

import json
from dataclasses import dataclass
from datetime import datetime

from twinport.model.replication import DeliveryReport, DeliveryState, FailureCode, ListedDelivery

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_TRUSTED_SHOWN = 3

# A push that an immutable tag refuses creates no delivery. In this case the user must delete the image here first.
_PUSH_AGAIN = "push each tag of the image again; where a tag is immutable, delete the image here first."
_WHY = {
    FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED: (
        "the destination's registry policy does not allow this account",
        f"The destination account allows it under Private registry, Registry permissions. Then {_PUSH_AGAIN}",
    ),
    FailureCode.DESTINATION_REGION_NOT_FOUND: (
        "the destination's Region is not known here",
        "Remove the Region from the replication rules, or ask the operator of this deployment.",
    ),
    FailureCode.DESTINATION_LIMIT_EXCEEDED: (
        "the destination has reached a limit",
        f"Delete what is no longer needed at the destination. Then {_PUSH_AGAIN}",
    ),
    FailureCode.DESTINATION_KMS_ERROR: (
        "the destination could not use its encryption key",
        f"Check the key of the destination's repository. Then {_PUSH_AGAIN}",
    ),
    FailureCode.SOURCE_IMAGE_NOT_FOUND: (
        "the image was deleted here before it could be copied",
        "Push the image again if it is still wanted.",
    ),
    FailureCode.SOURCE_IMAGE_INACCESSIBLE: (
        "bytes of the image are damaged or missing here",
        "Push the image again, from any client: that repairs it, and the copy continues by itself.",
    ),
    FailureCode.SERVICE_LINKED_ROLE_NOT_FOUND: (
        "the service-linked role for replication was deleted",
        f"Save the replication configuration again, which creates the role. Then {_PUSH_AGAIN}",
    ),
    FailureCode.REPLICATION_CONFIGURATION_REMOVED: (
        "the replication rule was removed while the copy was waiting",
        f"Add a rule for this repository. Then {_PUSH_AGAIN}",
    ),
    FailureCode.INTERNAL_ERROR: (
        "every attempt ended with an unexpected error",
        f"The operator of this deployment finds the error in the log. To try again, {_PUSH_AGAIN}",
    ),
}


@dataclass(frozen=True, slots=True)
class CopyState:
    """The status of a copy. `word` is waiting, copying, complete or failed; `ecr` is ECR's word for it.

    `tone` is its color on the page.
    """

    word: str
    ecr: str
    tone: str
    details: str
    remedy: str
    destination_region: str
    destination_account: str
    is_settled: bool


def copy_state(report: DeliveryReport) -> CopyState:
    word, tone, details, remedy = _told(report)
    settled = report.state is not DeliveryState.WAITING
    return CopyState(
        word, report.state.ecr, tone, details, remedy, report.destination.region, report.destination.account, settled
    )


def why(report: DeliveryReport) -> str:
    """Say in a sentence why a copy failed. Empty for a copy that did not fail."""
    return "" if report.failure_code is None else _WHY[report.failure_code][0]


def next_try(each: ListedDelivery) -> str:
    """Say when the next attempt of a copy comes, or that one is under way."""
    if each.is_under_way:
        return "it is being copied now"
    return "none" if each.next_try_at is None else time(each.next_try_at)


def tries(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def size(count: int) -> str:
    """Return a number of bytes in the unit that fits it: 312 B, 4.1 MiB."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{count} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def trusted(trust: str) -> str:
    """Return the first few principals that may assume a role, from its trust policy."""
    statements = json.loads(trust).get("Statement", [])
    principals = [each.get("Principal", {}) for each in (statements if isinstance(statements, list) else [statements])]
    names = [name for principal in principals for name in _names(principal)]
    more = f" and {len(names) - _TRUSTED_SHOWN} more" if len(names) > _TRUSTED_SHOWN else ""
    return f"{', '.join(names[:_TRUSTED_SHOWN])}{more}"


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def short_digest(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:12]}…"


def _names(principal: object) -> list[str]:
    match principal:
        case dict():
            return [name for value in principal.values() for name in _names(value)]
        case list():
            return [name for value in principal for name in _names(value)]
        case _:
            return [str(principal)]


def _told(report: DeliveryReport) -> tuple[str, str, str, str]:
    match report.state:
        case DeliveryState.COMPLETE:
            return "complete", "good", _arrival(report), ""
        case DeliveryState.FAILED:
            why, remedy = _WHY[report.failure_code or FailureCode.INTERNAL_ERROR]
            return "failed", "bad", why, remedy
        case DeliveryState.WAITING if report.attempts == 0:
            return "waiting", "calm", "", ""
        case DeliveryState.WAITING if report.reason:
            return "waiting", "calm", f"to be tried again after {tries(report.attempts)}: {report.reason}", ""
        case DeliveryState.WAITING:
            return "copying", "busy", "", ""


def _arrival(report: DeliveryReport) -> str:
    carried = f"{size(report.bytes_carried)} copied" if report.bytes_carried else "no bytes had to be copied"
    return f"{time(report.settled_at)}, {carried}"
