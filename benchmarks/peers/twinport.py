"""twinport as it is deployed: its client is an IAM user with a policy of three statements, for docker and for ECR."""

import base64
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import boto3

from benchmarks.peers import running
from benchmarks.peers.running import Command, Server

ACCOUNT, REGION, AWAY = "111122223333", "eu-west-1", "us-east-1"
_USER = "bench"
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories"], "Resource": "*"},
        {"Effect": "Allow", "Action": "ecr:*", "Resource": f"arn:aws:ecr:*:{ACCOUNT}:repository/bench/*"},
        {"Effect": "Deny", "Action": "ecr:DeleteRepository", "Resource": "*"},
    ],
}


@dataclass(frozen=True)
class Twinport(Server):
    """A server of ours, with repositories that are made beforehand."""

    def path(self, repository: str, region: str = "") -> str:
        return f"{ACCOUNT}/{region or REGION}/{repository}"

    def make_repository(self, name: str) -> None:
        self.root("ecr").create_repository(repositoryName=name)

    def replicate(self, *prefixes: str) -> None:
        """Let what is pushed below the prefixes be copied to the other Region; without a prefix, let nothing be."""
        filters = [{"filter": each, "filterType": "PREFIX_MATCH"} for each in prefixes]
        destinations = [{"region": AWAY, "registryId": ACCOUNT}]
        rules = [{"destinations": destinations, "repositoryFilters": filters}] if prefixes else []
        self.root("ecr").put_replication_configuration(replicationConfiguration={"rules": rules})

    def root(self, service: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
        """Return a client of the account's root."""
        return self._client(service, ACCOUNT, "test")

    def with_client(self) -> Self:
        """Make the IAM user, and log it in."""
        iam = self.root("iam")
        iam.create_user(UserName=_USER)
        iam.put_user_policy(UserName=_USER, PolicyName="bench", PolicyDocument=json.dumps(_POLICY))
        made = iam.create_access_key(UserName=_USER)["AccessKey"]
        key, secret = made["AccessKeyId"], made["SecretAccessKey"]
        [token] = self._client("ecr", key, secret).get_authorization_token()["authorizationData"]
        user = base64.b64decode(token["authorizationToken"]).decode()
        return replace(self, user=user, key=f"{key}:{secret}")

    def _client(self, service: str, key: str, secret: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=f"http://{self.address}",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )


def command(name: str, folder: Path, *, workers: int = 1, database: str = "", program: str = "twinport") -> Command:
    """Return how a server of ours is started on this folder."""
    port = running.port()
    words = [sys.executable, "-m", program, "serve", "--open", "--data", str(folder / "data")]
    words += ["--listen", f"127.0.0.1:{port}", "--workers", str(workers)]
    variables = {"TWINPORT_DATABASE": database} if database else {}
    return Command(name, words, port, folder, "/_twinport/health", variables)


def launch(how: Command) -> Twinport:
    """Start a server of ours."""
    server = running.launch(how)
    return Twinport(server.command, server.process, server.start_ms)
