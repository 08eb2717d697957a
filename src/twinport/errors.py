"""The tree of refusals. `twinport.refusals` has the refusals of each field.

    Refusal
    ├── NotAuthenticated          the caller is unknown
    ├── AccessDenied              the caller may not do this
    ├── BadRequest                the request itself is wrong
    ├── NotFound                  the named thing does not exist
    ├── Conflict                  the current state does not allow it
    ├── BadContent                the bytes are not what they claim to be
    ├── LimitReached              a quota or a bound
    └── Unavailable               not now: the caller may try again

A refusal is named after the fact, takes plain strings and numbers, and contains its own message: the request, the fact,
and what to do. If clients rely on AWS's sentence, the message is AWS's. Codes and statuses belong to the doors.
"""

from collections.abc import Iterator, Sequence

_MOST_REASONS = 3


class Refusal(Exception):
    """An expected 'no'. Every other exception is a defect."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotAuthenticated(Refusal):
    """The caller's identity could not be established."""


class AccessDenied(Refusal):
    """The gate said no. `reason` is AWS's clause beginning with 'because' or 'with', or empty.

    `encoded` is the sealed reason. Only callers that may decode it (DecodeAuthorizationMessage) can read it.
    """

    def __init__(
        self, principal: str, action: str, resource: str, reason: str = "", encoded: str | None = None
    ) -> None:
        clause = f" {reason}" if reason else ""
        super().__init__(f"User: {principal} is not authorized to perform: {action} on resource: {resource}{clause}")
        self.principal, self.action, self.resource, self.reason = principal, action, resource, reason
        self.encoded = encoded


class BadRequest(Refusal):
    """The request is wrong for every caller."""


class NotFound(Refusal):
    """The named thing does not exist (or the caller may not know that it does)."""


class Conflict(Refusal):
    """The current state does not allow the request."""


class BadContent(Refusal):
    """The content contradicts itself, or something that it refers to is missing."""


class LimitReached(Refusal):
    """The request exceeds a quota (LimitExceededException) or a bound of ours."""


class Unavailable(Refusal):
    """Nothing is wrong with the request. The client may try again."""


class ConfigurationWrong(Refusal):
    """The settings are wrong. The message has every problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the configuration is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


def split(error: Exception) -> tuple[list[Refusal], Exception | None]:
    """Split an exception into its refusals and its defects, None if there are none. A task group can raise both."""
    if isinstance(error, ExceptionGroup):
        return list(_refusals(error)), error.split(Refusal)[1]
    return ([error], None) if isinstance(error, Refusal) else ([], error)


def reason_of(refusals: Sequence[Refusal]) -> str:
    """Return the messages of the refusals, each sentence once. Of many different messages it has the first few."""
    reasons = list(dict.fromkeys(each.message for each in refusals))
    more = len(reasons) - _MOST_REASONS
    return "; ".join(reasons[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")


def _refusals(error: Exception) -> Iterator[Refusal]:
    if isinstance(error, Refusal):
        yield error
    elif isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _refusals(each)
