"""`twinport-kubelet-credentials`: a kubelet's image credential provider, with the AWS credentials of the node.

A CredentialProviderRequest comes on standard input, a CredentialProviderResponse goes to standard output (KEP-2133,
credentialprovider.kubelet.k8s.io).
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from twinport.errors import BadRequest, Refusal
from twinport.login.about import about
from twinport.login.credentials import Surroundings
from twinport.login.tokens import Token, fetch

_GROUP = "credentialprovider.kubelet.k8s.io/"
_LARGEST_REQUEST = 1 << 16
_HELP = """usage: twinport-kubelet-credentials

A kubelet runs this program as its image credential provider. It reads a CredentialProviderRequest on standard input and
answers with a token, by the AWS credentials of the node.
Exit codes: 0 done, 1 refused; the reason is on standard error."""


class RequestUnreadable(BadRequest):
    def __init__(self) -> None:
        super().__init__("a CredentialProviderRequest with an 'image' is needed on standard input")


def main() -> None:
    if (words := about(sys.argv[1:], "twinport-kubelet-credentials", _HELP)) is not None:
        sys.stdout.write(words)
        sys.exit(0)
    sys.exit(run(sys.stdin, sys.stdout, sys.stderr, Surroundings(os.environ, Path.home())))


def run(given: TextIO, answer: TextIO, problems: TextIO, around: Surroundings) -> int:
    """Answer one request and return the exit code."""
    try:
        version, image = _request(given.read(_LARGEST_REQUEST))
        host, now = image.partition("/")[0], datetime.now(UTC)
        answer.write(json.dumps(_response(version, host, fetch(host, around, now), now)) + "\n")
    except Refusal as refusal:
        problems.write(f"twinport-kubelet-credentials: {refusal.message}\n")
        return 1
    return 0


def _request(text: str) -> tuple[str, str]:
    """Return the version of the protocol and the image. Raises RequestUnreadable."""
    try:
        request = json.loads(text)
        version, kind, image = request["apiVersion"], request["kind"], request["image"]
    except (ValueError, LookupError, TypeError):
        raise RequestUnreadable from None
    if kind != "CredentialProviderRequest" or not isinstance(image, str) or "/" not in image:
        raise RequestUnreadable
    if not isinstance(version, str) or not version.startswith(_GROUP):
        raise RequestUnreadable
    return version, image


def _response(version: str, host: str, token: Token, now: datetime) -> dict[str, object]:
    # Half of the remaining time, so that no pull begins with a token that is about to expire.
    kept = max(int((token.expires_at - now) / timedelta(seconds=2)), 0)
    return {
        "apiVersion": version,
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
        "cacheDuration": f"{kept}s",
        "auth": {host: {"username": "AWS", "password": token.password}},
    }
