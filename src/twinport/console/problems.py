"""What a page tells a user after a refusal: the fact, and what to do."""

from dataclasses import dataclass

from twinport import errors
from twinport.errors import AccessDenied, Refusal
from twinport.refusals import callers, requests, storage


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem on a page. `headline` names its kind in a few words."""

    status: int
    headline: str
    message: str
    remedy: str


_KINDS: tuple[tuple[type[Refusal], int, str, str], ...] = (
    (
        callers.FormForged,
        403,
        "This form is not yours",
        "Open the page again and send the form from there. If it happens again, sign out and in.",
    ),
    (
        callers.OriginRefused,
        403,
        "This address is not served",
        "Open the console at an address or a name of this server; the operator adds names to 'allowed_hosts'.",
    ),
    (requests.PathUnknown, 404, "There is no such page", "Go on from one of the links of the navigation."),
    (errors.NotFound, 404, "Not found", "It may have been deleted meanwhile: go back to the list."),
    (callers.TooManyAttempts, 429, "Too many attempts", "Wait, then try again. Other users need not wait."),
    (errors.NotAuthenticated, 403, "That did not sign you in", "Check what you typed, and which account it is for."),
    (errors.Conflict, 409, "Something stands in the way", "Look at what is there now, then decide again."),
    (errors.LimitReached, 400, "A limit was reached", "Remove what is no longer needed, or ask for less."),
    (requests.NotBuiltYet, 400, "twinport cannot do this yet", "Leave it out, and try again."),
    (storage.BodyBroken, 400, "The form did not arrive", "Send it again."),
    (storage.Interrupted, 408, "The form did not arrive", "Send it again."),
    (errors.Unavailable, 503, "Not now", "Nothing was changed: try again in a moment."),
    (errors.BadRequest, 400, "This cannot be done as asked", "Correct what you gave, and try again."),
)


def problem_of(refusal: Refusal) -> Problem:
    """Word a refusal for a page."""
    if isinstance(refusal, AccessDenied):
        return Problem(403, "You may not do this", refusal.message, _permission(refusal))
    for kind, status, headline, remedy in _KINDS:
        if isinstance(refusal, kind):
            return Problem(status, headline, refusal.message, remedy)
    return Problem(400, "This was refused", refusal.message, "Go back, and try something else.")


def _permission(refusal: AccessDenied) -> str:
    return (
        f"Ask an administrator of your account for a policy that allows {refusal.action} on {refusal.resource}, "
        "or sign in as a user that may."
    )
