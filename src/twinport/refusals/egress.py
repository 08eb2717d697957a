"""Refusals about what lies outside: addresses that may not be reached, and answers that did not come."""

from twinport.errors import Refusal


class NotFetched(Refusal):
    """Nothing was fetched from an address that a tenant named. Whoever asked words it for their own caller."""


class AddressForbidden(NotFetched):
    """The address leads where no tenant may send this machine."""

    def __init__(self, host: str, where: str) -> None:
        super().__init__(f"'{host[:253]}' is at {where}, which may not be reached unless 'egress_networks' lists it")


class UrlForbidden(NotFetched):
    """The URL is none that is followed: its scheme, its form, or a name and password inside it."""

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
    """No connection, no name, no certificate that is trusted, or no HTTP."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"'{host[:253]}' could not be reached: {why[:300]}")
