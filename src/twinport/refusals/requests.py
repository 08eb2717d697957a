"""Refusals about the form of a request, at any door."""

from collections.abc import Sequence
from datetime import timedelta

from twinport.errors import BadRequest, LimitReached, NotFound, Unavailable


class InvalidParameter(BadRequest):
    """ECR's frame for a parameter outside its constraint (InvalidParameterException)."""

    def __init__(self, parameter: str, constraint: str) -> None:
        super().__init__(f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'")
        self.parameter, self.constraint = parameter, constraint


class ConstraintsViolated(BadRequest):
    """IAM's and STS's frame for members outside their constraints (ValidationError)."""

    def __init__(self, violations: list[str]) -> None:
        errors = "error" if len(violations) == 1 else "errors"
        super().__init__(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")


class BodyMalformed(BadRequest):
    """The body or query string cannot be parsed as the operation's input."""


class OperationUnknown(BadRequest):
    """The service has no operation of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the operation '{name[:200]}' does not exist")


class ContentRangeInvalid(BadRequest):
    """A part of an upload has a Content-Range that cannot be parsed."""

    def __init__(self, text: str) -> None:
        super().__init__(f"'{text[:200]}' is not the range of a part: use FIRST-LAST, the numbers of its bytes")


class NotBuiltYet(BadRequest):
    """AWS supports this and twinport does not. It is refused rather than ignored."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not implemented by twinport: {what}")


class InvalidTag(BadRequest):
    """A resource tag outside its grammar (InvalidTagParameterException)."""


class BadName(BadRequest):
    """A name, tag, Region or account outside its grammar, met outside the AWS doors."""


class DeliveryUnknown(BadRequest):
    """A page of deliveries was requested after a delivery that does not exist."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            f"'before' must be the 'next' of an earlier answer about this registry, and '{delivery_id[:100]}' is no"
            " delivery that is still remembered: ask without it to begin with the newest"
        )


class BadTag(BadName):
    """A tag outside the grammar of OCI Distribution."""


class MethodUnsupported(BadRequest):
    """The path exists, but does not support this method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"'{method[:20]}' is not possible here: use {', '.join(allowed)}")
        self.allowed = tuple(allowed)


class PathUnknown(NotFound):
    """A path that names no place of the registry protocol or of the console."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at '{path[:200]}'")


class TagLimitReached(LimitReached):
    def __init__(self, tag: str, name: str, account: str, limit: int) -> None:
        super().__init__(
            f"Adding tag '{tag}' to an image in the repository with name '{name}' in registry with id '{account}' "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class TooManyTags(LimitReached):
    """More tags than a resource may have (TooManyTagsException)."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"the resource would have {count} tags, and at most {most} are allowed")


class RateExceeded(LimitReached):
    """More calls in a second than Amazon ECR lets through (ThrottlingException)."""

    def __init__(self) -> None:
        super().__init__("Rate exceeded")


class ServerBusy(Unavailable):
    """The queue of the threads for this kind of work is full. No work was started."""

    def __init__(self, work: str) -> None:
        super().__init__(f"too much work of the kind '{work}' is waiting on this server; nothing was done, try again")


class TookTooLong(Unavailable):
    """The work was not done within its deadline, and was given up."""

    def __init__(self, within: timedelta) -> None:
        super().__init__(
            f"this took longer than the {within.total_seconds():g} seconds that it may: ask for less at once, or try "
            "again"
        )
