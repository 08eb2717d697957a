"""What a page tells a user after a refusal: the fact, and what to do."""

from dataclasses import dataclass, replace

from twinport import errors
from twinport.errors import AccessDenied, Refusal
from twinport.refusals import callers, requests, scanning, storage


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem on a page. `headline` names its kind in a few words."""

    status: int
    headline: str
    message: str
    remedy: str

    def with_remedy(self, remedy: str) -> "Problem":
        return replace(self, remedy=remedy)


_KINDS: tuple[tuple[type[Refusal], int, str, str], ...] = (
    (
        callers.FormForged,
        403,
        "Invalid form token",
        "Open the page again and send the form from there. If it happens again, sign out and in.",
    ),
    (
        callers.OriginRefused,
        403,
        "Address not allowed",
        "Open the console at an address or a name of this server; the operator adds names to 'allowed_hosts'.",
    ),
    (requests.PathUnknown, 404, "Page not found", "Use one of the links of the navigation."),
    (errors.NotFound, 404, "Not found", "It may have been deleted meanwhile: go back to the list."),
    (callers.TooManyAttempts, 429, "Too many attempts", "Wait, then try again. Other users need not wait."),
    (scanning.ScanQuotaExceeded, 400, "Limit exceeded", "An image is scanned once in 24 hours: try again tomorrow."),
    (
        scanning.ScanFeatureDisabled,
        400,
        "Not available",
        "The registry has enhanced scanning: its scanning configuration says when images are scanned.",
    ),
    (errors.NotAuthenticated, 403, "Sign-in failed", "Check what you entered, and which account it is for."),
    (errors.Conflict, 409, "Conflict", "Check the current state, then try again."),
    (errors.LimitReached, 400, "Limit exceeded", "Remove what is no longer needed, or ask for less."),
    (requests.NotBuiltYet, 400, "Not implemented", "Leave it out, and try again."),
    (storage.BodyBroken, 400, "Incomplete request", "Send the form again."),
    (storage.Interrupted, 408, "Incomplete request", "Send the form again."),
    (errors.Unavailable, 503, "Temporarily unavailable", "Nothing was changed: try again in a moment."),
    (errors.BadRequest, 400, "Invalid input", "Correct the input, and try again."),
)


def problem_of(refusal: Refusal) -> Problem:
    """Word a refusal for a page."""
    if isinstance(refusal, AccessDenied):
        return Problem(403, "Access denied", refusal.message, _permission(refusal))
    for kind, status, headline, remedy in _KINDS:
        if isinstance(refusal, kind):
            return Problem(status, headline, refusal.message, remedy)
    return Problem(400, "Request refused", refusal.message, "Go back, and change the request.")


def _permission(refusal: AccessDenied) -> str:
    return (
        f"Ask an administrator of your account for a policy that allows {refusal.action} on {refusal.resource}, "
        "or sign in as a user that may."
    )
