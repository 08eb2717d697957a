"""The console's cookies: their names, their protection from scripts and other sites, and their expiry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from twinport.http.messages import Request


@dataclass(frozen=True, slots=True)
class Cookie:
    """A deployment's cookie. Browsers send cookies to every port of a host, so its name identifies the deployment.

    `instance` returns the deployment's name, which is known once the server has started.
    """

    purpose: str
    instance: Callable[[], str]

    def name(self, *, secure: bool) -> str:
        """The cookie's name. Over TLS a prefix stops other hosts and plain HTTP pages from setting it (RFC 6265bis)."""
        return f"{'__Host-' if secure else ''}twinport-{self.purpose}-{self.instance()}"

    def read(self, request: Request, *, secure: bool) -> str | None:
        return _cookies(request).get(self.name(secure=secure)) or None

    def header(self, value: str, *, secure: bool, lasts: timedelta) -> str:
        """Return the Set-Cookie header's value. A lifetime of zero removes the cookie."""
        end = f"Max-Age={int(lasts.total_seconds())}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
        return f"{self.name(secure=secure)}={value}; Path=/; {end}"


def _cookies(request: Request) -> Mapping[str, str]:
    text = "; ".join(value for name, value in request.headers if name == "cookie")
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, value)
    return found
