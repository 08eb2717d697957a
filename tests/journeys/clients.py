"""The clients of an open account: the AWS command line, boto3 and a registry password."""

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from tests.journeys.commands import Program, find
from tests.journeys.server import Server

HOME = "eu-west-1"
AWAY = "us-east-1"
SOURCE = "111111111111"
OTHER = "222222222222"


@dataclass(frozen=True)
class Owner:
    """The root of an open account, in one Region."""

    server: Server
    account: str
    region: str

    @property
    def registry(self) -> str:
        return self.server.registry(self.account, self.region)

    @cached_property
    def aws(self) -> Program:
        """The AWS command line as this owner."""
        return aws(self.server, self.region, key=self.account, secret="test")

    def boto(self, service: str) -> Any:  # noqa: ANN401 — boto3's clients have no types
        """A boto3 client as this owner."""
        return boto(self.server, service, self.region, key=self.account, secret="test")

    def password(self) -> str:
        """The password for docker: that in an authorization token."""
        return base64.b64decode(self.token()).decode().partition(":")[2]

    def token(self) -> str:
        """An authorization token: the user name and the password, ready for the registry protocol."""
        token: str = self.boto("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return token

    def asks(self, *words: str) -> dict[str, object]:
        """Ask by the AWS command line and read its JSON."""
        answer: dict[str, object] = json.loads(self.aws(*words))
        return answer


def aws(server: Server, region: str, *, key: str, secret: str, session: str = "") -> Program:
    """The AWS command line with these credentials; nothing that the machine has configured counts."""
    return Program(
        (find("aws"), "--endpoint-url", server.url, "--region", region, "--no-cli-pager"),
        {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": session,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_OUTPUT": "json",
        },
    )


def boto(server: Server, service: str, region: str, *, key: str, secret: str, session: str | None = None) -> Any:  # noqa: ANN401 — boto3's clients have no types
    """A boto3 client with these credentials, which tries each call once."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=session,
        config=Config(retries={"total_max_attempts": 1}),
    )
