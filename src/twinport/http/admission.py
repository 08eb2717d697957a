"""Admission: recognizes our hosts, refuses requests that a foreign page caused, and finds the client's address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from twinport.http.messages import Request
from twinport.model.addresses import is_aws_host
from twinport.model.identities import Origin
from twinport.model.names import RegionName
from twinport.model.networks import hop_address, read_address, read_network
from twinport.refusals.callers import HostUnclear, OriginRefused

# Names beneath it lead to this machine, and no web page can have such an origin.
_LOCAL = "localhost"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
# The only part that web pages may reach, and only its own pages.
CONSOLE = "/console/"
HEALTH = "/_twinport/health"
_FETCH_SITES = ("same-origin", "none")
# With these headers a proxy marks a forwarded request. Any header that begins with X-Forwarded- does the same.
_PROXY_HEADERS = frozenset(
    (
        *("forwarded", "via", "forwarded-for", "x-forwarded", "x-original-forwarded-for", "cdn-loop"),
        *("x-real-ip", "client-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip", "x-proxyuser-ip"),
        *("cf-connecting-ip", "fastly-client-ip", "x-azure-clientip", "x-envoy-external-address"),
    )
)


@dataclass(frozen=True, slots=True)
class Admission:
    """Admits requests. Accepts every address literal as host, since DNS cannot rebind it."""

    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]

    def admit(self, request: Request) -> None:
        """Raise OriginRefused unless the request's host is ours and no page of another origin sent it.

        Health is available for any host and without one, since load balancers use an address. Raises HostUnclear too.
        """
        if not _is_health(request.path):
            self._admit_host(request)
        is_console = request.path.startswith(CONSOLE)
        if not self._may_come_from(request.header("origin"), request, is_console=is_console):
            raise OriginRefused("requests from web pages are refused here: they carry an Origin header")
        site = request.header("sec-fetch-site")
        if site is not None and site not in _FETCH_SITES and not (is_console and _follows_a_link(request)):
            raise OriginRefused("requests that another site's page caused are refused here")

    def _admit_host(self, request: Request) -> None:
        """Raise HostUnclear for no host or several (RFC 9112 section 3.2), OriginRefused for a foreign host."""
        hosts = [value for name, value in request.headers if name == "host"]
        if len(hosts) > 1 or (not any(hosts) and not request.is_old):
            raise HostUnclear(len(hosts) if any(hosts) else 0)
        host = request.header("host") or ""
        if not self.knows(host):
            raise OriginRefused(
                f"host '{host[:255]}' is not served here; use an address, a name under localhost, "
                "or add it to 'allowed_hosts'"
            )

    def knows(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        return _is_address(name) or _is_local_name(name) or is_aws_host(name) or _is_listed(name, self.allowed_hosts)

    def _may_come_from(self, origin: str | None, request: Request, *, is_console: bool) -> bool:
        """Tell whether the Origin header is acceptable: there is none, or the console's own page sent the request."""
        return origin is None or (is_console and origin.lower() == self.endpoint(request).lower())

    def origin_of(self, request: Request, at: datetime) -> Origin:
        """Return the facts of a request before its caller is known. The caller's Region replaces the empty one."""
        client, secure = self.client(request)
        return Origin(
            region=RegionName(""),
            source_ip=client,
            secure=secure,
            user_agent=request.header("user-agent") or "",
            at=at,
            referer=request.header("referer") or "",
            is_local=self.is_local(request),
        )

    def asks_for_tls(self, request: Request) -> bool:
        """Tell whether browsers must use only https for this host (RFC 6797): it has TLS, and a name of its own.

        Every other server on the machine shares addresses and names under localhost.
        """
        _, secure = self.client(request)
        if not secure:
            return False
        name = _name_of(request.header("host") or "")
        return name is not None and not _is_address(name) and not _is_local_name(name)

    def is_local(self, request: Request) -> bool:
        """Tell whether a request came from this machine without a proxy, as far as a request can show that.

        A proxy is recognized by its headers, by the operator's settings, or by HTTP/1.0, which is nginx's default:
        docs/decisions/0024-accounts-are-closed.md.
        """
        is_proxied = _is_within(request.client, self.trusted_proxies) or _tells_of_a_proxy(request)
        return _is_loopback(request.client) and not is_proxied and not request.is_old

    def endpoint(self, request: Request) -> str:
        """Return the scheme and the host that the client used."""
        _, secure = self.client(request)
        return f"{'https' if secure else 'http'}://{request.header('host')}"

    def client(self, request: Request) -> tuple[str, bool]:
        """Return the client's address and whether it used TLS. Only a trusted proxy's headers can change them.

        The client is the last hop that is not a trusted proxy. Earlier hops are not reliable. If that hop cannot be
        parsed, the client is unknown; the proxy does not count as the client.
        """
        secure = request.scheme == "https"
        if not _is_within(request.client, self.trusted_proxies):
            return request.client, secure
        forwarded = request.header("x-forwarded-for")
        hops = [] if forwarded is None else [hop_address(part.strip()) for part in reversed(forwarded.split(","))]
        client = next((hop for hop in hops if not _is_within(hop, self.trusted_proxies)), request.client)
        scheme = request.header("x-forwarded-proto")
        return client, secure if scheme is None else scheme == "https"


def _name_of(host: str) -> str | None:
    """Return the name or address of a Host header, without its port."""
    match = _HOST.fullmatch(host)
    return None if match is None else match[1].lower().rstrip(".")


def _is_health(path: str) -> bool:
    return path == HEALTH or path.startswith(f"{HEALTH}/")


def _follows_a_link(request: Request) -> bool:
    """Tell whether a person followed a link from another site to our page in a full window. That changes nothing."""
    is_navigation = request.header("sec-fetch-mode") == "navigate" and request.header("sec-fetch-dest") == "document"
    return is_navigation and request.method in ("GET", "HEAD")


def admission_of(allowed_hosts: Sequence[str], public_url: str | None, trusted_proxies: Sequence[str]) -> Admission:
    """Build the admission from settings. The host of `public_url` is ours."""
    own = urlsplit(public_url).hostname if public_url else None
    return Admission((*allowed_hosts, *([own] if own else [])), tuple(trusted_proxies))


def _tells_of_a_proxy(request: Request) -> bool:
    return any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name, _ in request.headers)


def _is_loopback(client: str) -> bool:
    try:
        return read_address(client).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        read_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_local_name(name: str) -> bool:
    return name == _LOCAL or name.endswith(f".{_LOCAL}")


def _is_listed(name: str, allowed: Sequence[str]) -> bool:
    """Tell whether an entry covers a name: a host name, or `*.DOMAIN` for every name beneath the domain."""
    return any(
        name.endswith(entry[1:].lower()) if entry.startswith("*.") else name == entry.lower() for entry in allowed
    )


def _is_within(client: str, networks: Sequence[str]) -> bool:
    if not networks:
        return False
    try:
        address = read_address(client)
        return any(address in read_network(network) for network in networks)
    except ValueError:
        return False
