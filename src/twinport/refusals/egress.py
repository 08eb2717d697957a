"""Refusals about outgoing requests: forbidden addresses, and missing answers."""

from twinport.errors import Refusal


class NotFetched(Refusal):
    """An address that a tenant named gave no answer. The calling code words the refusal for its own client."""


class AddressForbidden(NotFetched):
    """The address leads to a network that tenants may not reach through this machine."""

    def __init__(self, host: str, where: str) -> None:
        super().__init__(f"'{host[:253]}' is at {where}, which may not be reached unless 'egress_networks' lists it")


class UrlForbidden(NotFetched):
    """The URL is not allowed: its scheme, its form, or a name and password in it."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"'{url[:200]}' is not fetched: {why}")


class TooManyRedirects(NotFetched):
    def __init__(self, most: int) -> None:
        super().__init__(f"the answer was redirected more than {most} times")


class AnswerTooLarge(NotFetched):
    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is longer than the {most} bytes that are read")


class AnswerTooLate(NotFetched):
    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"'{host[:253]}' did not answer in full within {seconds:g} s")


class Unreachable(NotFetched):
    """The host has no connection, no name, no trusted certificate, or does not speak HTTP."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"'{host[:253]}' could not be reached: {why[:300]}")
