"""Requests of the AWS doors as bytes, signed before they are sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_TARGET = "AmazonEC2ContainerRegistry_V20150921"


@dataclass(frozen=True)
class Signer:
    """Signs as the root of an open account of the server at `host`."""

    host: str
    account: str
    region: str = "eu-west-1"

    def ecr(self, operation: str, members: Mapping[str, object]) -> bytes:
        return self.ecr_text(operation, json.dumps(members).encode())

    def ecr_text(self, operation: str, body: bytes) -> bytes:
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_TARGET}.{operation}"}
        return self.request("ecr", body, headers)

    def query(self, service: str, operation: str, parameters: Mapping[str, str]) -> bytes:
        """Sign an operation of IAM or STS."""
        body = urlencode({"Action": operation, "Version": VERSIONS[service], **parameters}).encode()
        return self.request(service, body, {"content-type": _FORM})

    def request(self, service: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return head and body."""
        request = AWSRequest("POST", f"http://{self.host}/", headers=dict(headers), data=body)
        SigV4Auth(Credentials(self.account, "test"), service, self.region).add_auth(request)
        named = {**dict(request.headers.items()), "Host": self.host, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body
