"""Every way in that open accounts give, tried as a client that may come from elsewhere."""

import base64
import http.client
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.served import new_account
from tests.waiting import PATIENCE_SECONDS

ACCOUNT = "111111111111"
# Each way in, and what a client hears that gets nothing.
REFUSED_CALLS = {"signed call": 403, "registry login": 403, "reset": 403, "deliveries": 403}
REFUSED = {**REFUSED_CALLS, "console": 403}
ADMITTED = {"signed call": 200, "registry login": 200, "reset": 200, "deliveries": 200, "console": 303}


class _OldConnection(http.client.HTTPConnection):
    """Speaks HTTP/1.0."""

    _http_vsn, _http_vsn_str = 10, "HTTP/1.0"


@dataclass(frozen=True)
class Stranger:
    """Comes to `address`, HOST:PORT, with these headers; `token` is one for the registry that an owner made."""

    address: str
    token: str
    headers: Mapping[str, str] = field(default_factory=dict)
    speaks_http_10: bool = False

    def tries(self) -> dict[str, int]:
        """Return the status that each way in answers."""
        return {**self.calls(), "console": self._console()}

    def calls(self) -> dict[str, int]:
        """As `tries`, without the console, which slows down clients that fail too often."""
        return {
            "signed call": self._signed_call(),
            "registry login": self._ask("GET", "/v2/", {"authorization": f"Basic {self.token}"})[0],
            "deliveries": self._ask("GET", f"/_twinport/deliveries?account={ACCOUNT}&region=eu-west-1")[0],
            "reset": self._ask("POST", "/_twinport/reset")[0],
        }

    def offered(self) -> str:
        """Return the page that asks for credentials."""
        return self._ask("GET", "/console/sign-in")[2].decode()

    def _signed_call(self) -> int:
        body = "Action=GetCallerIdentity&Version=2011-06-15"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = AWSRequest("POST", f"http://{self.address}/", headers=headers, data=body)
        SigV4Auth(Credentials(ACCOUNT, "test"), "sts", "eu-west-1").add_auth(request)
        headers |= {name: request.headers[name] for name in ("Authorization", "X-Amz-Date")}
        return self._ask("POST", "/", headers, body.encode())[0]

    def _console(self) -> int:
        _, received, page = self._ask("GET", "/console/sign-in")
        (csrf, *_) = re.findall(r'name="csrf" value="(\w+)"', page.decode())
        form = urllib.parse.urlencode({"csrf": csrf, "way": "open", "account": new_account()})
        cookie = received["set-cookie"].partition(";")[0]
        headers = {"content-type": "application/x-www-form-urlencoded", "cookie": cookie}
        return self._ask("POST", "/console/sign-in", headers, form.encode())[0]

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        kind = _OldConnection if self.speaks_http_10 else http.client.HTTPConnection
        connection = kind(self.address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, {"host": self.address, **(headers or {}), **self.headers})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def token(url: str) -> str:
    """Return what an owner on this machine gets to log in with."""
    ecr: Any = boto3.client(
        "ecr", "eu-west-1", endpoint_url=url, aws_access_key_id=ACCOUNT, aws_secret_access_key="test"
    )
    made: str = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert base64.b64decode(made).startswith(b"AWS:")
    return made
