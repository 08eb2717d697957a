"""The tree of refusals. Those of each field are in `twinport.refusals`.

    Refusal
    ├── NotAuthenticated          who are you?
    ├── AccessDenied              you may not
    ├── BadRequest                the request itself is wrong
    ├── NotFound                  what it names is not there
    ├── Conflict                  what is there stands in its way
    ├── BadContent                the bytes are not what they claim to be
    ├── LimitReached              a quota or a bound
    └── Unavailable               not now: the caller may try again

A refusal is named after the fact, takes plain strings and numbers, and words itself: what was asked, what is
true, what to do. Where clients rely on AWS's sentence it is AWS's. Codes and statuses belong to the doors.
"""

from collections.abc import Iterator, Sequence

_MOST_REASONS = 3


class Refusal(Exception):
    """An expected 'no'. Everything else that is raised is a defect."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotAuthenticated(Refusal):
    """The caller could not be established."""


class AccessDenied(Refusal):
    """The gate said no. `reason` is AWS's clause beginning with 'because' or 'with', or empty.

    `encoded` says why to those who may decode it (DecodeAuthorizationMessage), and to nobody else.
    """

    def __init__(
        self, principal: str, action: str, resource: str, reason: str = "", encoded: str | None = None
    ) -> None:
        clause = f" {reason}" if reason else ""
        super().__init__(f"User: {principal} is not authorized to perform: {action} on resource: {resource}{clause}")
        self.principal, self.action, self.resource, self.reason = principal, action, resource, reason
        self.encoded = encoded


class BadRequest(Refusal):
    """The request cannot be carried out by anybody."""


class NotFound(Refusal):
    """The named thing does not exist (or the caller may not know that it does)."""


class Conflict(Refusal):
    """The state of things does not allow it."""


class BadContent(Refusal):
    """What was sent contradicts itself or what it refers to is missing."""


class LimitReached(Refusal):
    """A quota (LimitExceededException) or a bound of ours."""


class Unavailable(Refusal):
    """Nothing is wrong with the request; it may be tried again."""


class ConfigurationWrong(Refusal):
    """Every problem found in the settings, at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the configuration is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


def split(error: Exception) -> tuple[list[Refusal], Exception | None]:
    """Return the refusals in what was raised, and the defects, None if there are none. Groups of tasks raise both."""
    if isinstance(error, ExceptionGroup):
        return list(_refusals(error)), error.split(Refusal)[1]
    return ([error], None) if isinstance(error, Refusal) else ([], error)


def reason_of(refusals: Sequence[Refusal]) -> str:
    """Return what the refusals say, each sentence once, and of many different ones the first few."""
    reasons = list(dict.fromkeys(each.message for each in refusals))
    more = len(reasons) - _MOST_REASONS
    return "; ".join(reasons[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")


def _refusals(error: Exception) -> Iterator[Refusal]:
    if isinstance(error, Refusal):
        yield error
    elif isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _refusals(each)
