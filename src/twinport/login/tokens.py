"""Requests an authorization token from a registry with AWS credentials."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

from twinport.aws import sigv4
from twinport.aws.sigv4 import Message
from twinport.aws.types.ecr import GetAuthorizationTokenResponse
from twinport.errors import Refusal, Unavailable
from twinport.login.credentials import Surroundings
from twinport.model.addresses import HostAddress, address_of

_LIMIT = timedelta(seconds=30)
_LARGEST_ANSWER = 1 << 20
_OPERATION = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


class RegistryUnreachable(Unavailable):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"no token from '{url}': {reason}; set TWINPORT_ENDPOINT if the registry is at another address, and "
            "AWS_CA_BUNDLE if its certificate is from a private authority"
        )


class TokenRefused(Refusal):
    def __init__(self, url: str, code: str, said: str) -> None:
        super().__init__(f"no token from '{url}': {code}: {said}")


@dataclass(frozen=True, slots=True)
class Token:
    """The password of user `AWS`."""

    password: str
    expires_at: datetime


def fetch(host: str, around: Surroundings, now: datetime) -> Token:
    """Return a token for the registry at `host`. Raises CredentialsNotFound, RegistryUnreachable, TokenRefused."""
    endpoint = around.environment.get("TWINPORT_ENDPOINT")
    urls = [endpoint.rstrip("/")] if endpoint else [f"{scheme}://{host}" for scheme in _schemes(host)]
    for url in urls[:-1]:
        try:
            return _ask(url, host, around, now)
        except RegistryUnreachable:
            continue
    return _ask(urls[-1], host, around, now)


def _schemes(host: str) -> tuple[str, ...]:
    """Return the schemes to try. Plain HTTP is only for this machine, as in docker."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    try:
        is_here = ip_address(name).is_loopback
    except ValueError:
        is_here = name == "localhost" or name.endswith(".localhost")
    return ("http", "https") if is_here else ("https",)


def _ask(url: str, host: str, around: Surroundings, now: datetime) -> Token:
    request = urllib.request.Request(f"{url}/", b"{}", _signed(url, host, around, now), method="POST")  # noqa: S310 — http and https alone
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_trust(around.environment)))
    try:
        with opener.open(request, timeout=_LIMIT.total_seconds()) as answer:
            return _token(json.loads(answer.read(_LARGEST_ANSWER)))
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(url, error.code, error.read(_LARGEST_ANSWER)) from error
    except (OSError, http.client.HTTPException) as error:
        raise RegistryUnreachable(url, str(getattr(error, "reason", error))) from error
    except (ValueError, LookupError, TypeError) as error:
        raise RegistryUnreachable(url, "the answer is not that of a registry") from error


def _signed(url: str, host: str, around: Surroundings, now: datetime) -> dict[str, str]:
    headers = {
        "host": urlsplit(url).netloc,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": _OPERATION,
    }
    signature = sigv4.sign(
        Message("POST", "/", "", tuple(headers.items())),
        around.credentials(),
        region=_region(host, around),
        service="ecr",
        now=now,
        body_hash=sha256(b"{}").hexdigest(),
    )
    return headers | signature


def _region(host: str, around: Surroundings) -> str:
    match address_of(host):
        case HostAddress(registry=registry):
            return registry.region
        case _:
            return around.region()


def _trust(environment: Mapping[str, str]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=environment.get("AWS_CA_BUNDLE") or None)


def _token(answer: object) -> Token:
    [entry] = cast("GetAuthorizationTokenResponse", answer)["authorizationData"]
    _, _, password = b64decode(entry["authorizationToken"]).decode().partition(":")
    return Token(password, datetime.fromtimestamp(cast("float", entry["expiresAt"]), UTC))


def _refusal(url: str, status: int, body: bytes) -> Refusal:
    try:
        said = json.loads(body)
        return TokenRefused(url, str(said["__type"]), str(said["message"]))
    except (ValueError, LookupError, TypeError):
        return RegistryUnreachable(url, f"it answered with status {status}")
