"""How many signed requests a second twinport answers beside moto's server, one client after the other in one run.

    python benchmarks/signed_requests.py [ROUNDS]

Each operation is asked by boto3 in a row over one connection, as a test suite does, of both servers in turns. moto is
started with its defaults, which verify no signature and ask no policy; twinport verifies and asks. Most of the time is
boto3's own, so a request that is signed beforehand and sent again is measured beside it, which shows the servers.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PORT = 14576
PER_ROUND = 200
ACCOUNT = "111122223333"
OPERATIONS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "sts GetCallerIdentity": ("sts", lambda client: client.get_caller_identity()),
    "iam GetUser": ("iam", lambda client: client.get_user(UserName="ann")),
    "ecr DescribeRepositories": ("ecr", lambda client: client.describe_repositories()),
}
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True)
class Contender:
    name: str
    command: Sequence[str]
    port: int
    # moto keeps any key's things in one account; twinport takes twelve digits for an account's root.
    key: str = ACCOUNT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key="test",  # noqa: S106 — of open accounts
        )


def contenders(folder: Path) -> tuple[Contender, Contender]:
    python = sys.executable
    ours = [
        python,
        "-m",
        "twinport",
        "serve",
        "--open",
        "--data",
        str(folder / "data"),
        "--listen",
        f"127.0.0.1:{PORT}",
    ]
    theirs = [python, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(PORT + 1)]
    return Contender("twinport", ours, PORT), Contender("moto", theirs, PORT + 1)


def prepare(contender: Contender) -> None:
    """Wait until it answers, then make what is asked for."""
    deadline = time.monotonic() + 30
    while True:
        try:
            contender.client("sts").get_caller_identity()
            break
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    contender.client("iam").create_user(UserName="ann")
    for number in range(10):
        contender.client("ecr").create_repository(repositoryName=f"team/repository-{number}")


def by_boto3(contender: Contender, operation: str) -> Callable[[], object]:
    service, call = OPERATIONS[operation]
    client = contender.client(service)
    return lambda: call(client)


def signed_once(contender: Contender) -> Callable[[], object]:
    """Send one signed request again and again over one connection."""
    form = "application/x-www-form-urlencoded; charset=utf-8"
    headers = {"Content-Type": form, "Host": f"127.0.0.1:{contender.port}"}
    request = AWSRequest("POST", f"{contender.url}/", data=BODY, headers=headers)
    SigV4Auth(Credentials(contender.key, "test"), "sts", "us-east-1").add_auth(request)
    connection, sent = HTTPConnection("127.0.0.1", contender.port), dict(request.headers.items())

    def ask() -> None:
        connection.request("POST", "/", BODY, sent)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise AssertionError(f"{contender.name} answered {answer.status}")

    return ask


def per_second(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(PER_ROUND):
        ask()
    return PER_ROUND / (time.perf_counter() - begun)


def compare(both: tuple[Contender, Contender], rounds: int) -> None:
    print(f"median of {rounds} rounds of {PER_ROUND} requests, in requests a second")
    print(f"{'':34}{'twinport':>10}{'moto':>10}{'ratio':>8}")
    kinds: dict[str, Callable[[Contender], Callable[[], object]]] = {
        **{name: lambda it, name=name: by_boto3(it, name) for name in OPERATIONS},  # type: ignore[misc]
        "sts GetCallerIdentity, signed once": signed_once,
    }
    for name, asking in kinds.items():
        asks = [asking(each) for each in both]
        found = [[per_second(ask) for ask in asks] for _ in range(rounds)]
        ours, theirs = (median(column) for column in zip(*found, strict=True))
        print(f"{name:34}{ours:10.0f}{theirs:10.0f}{ours / theirs:8.2f}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as text:
        both = contenders(Path(text))
        quiet = subprocess.DEVNULL
        running = [subprocess.Popen(each.command, stdout=quiet, stderr=quiet) for each in both]
        try:
            for each in both:
                prepare(each)
            compare(both, rounds)
        finally:
            for process in running:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
