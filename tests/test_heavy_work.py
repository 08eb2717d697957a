"""Clients that ask a real server for heavy work and hang up."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.served import Served, start
from tests.signed import Signer
from tests.waiting import PATIENCE_SECONDS, until

ACCOUNT = "111111111111"
CLIENTS = 8
# From the signal to the end of the process: five seconds are promised, and a loaded machine has a minute.
_BOUND = 60
_PATTERN = "*" + "a?" * 1000 + "b*"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = start(tmp_path / "data")
    yield served
    served.process.kill()
    served.process.wait()


def heavy(signer: Signer) -> bytes:
    """Ask for a thousand decisions about a hundred statements each."""
    statement = {"Effect": "Deny", "Action": "ecr:*", "Resource": f"arn:aws:ecr:*:*:repository/{_PATTERN}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement] * 40})
    actions = {f"ActionNames.member.{number}": "ecr:PutImage" for number in range(1, 101)}
    name = "a" * 1000
    resources = {f"ResourceArns.member.{n}": f"arn:aws:ecr:eu-west-1:1:repository/{name}{n}" for n in range(1, 11)}
    parameters = {"PolicyInputList.member.1": policy, **actions, **resources, "MaxItems": "1000"}
    return signer.query("iam", "SimulateCustomPolicy", parameters)


def hang_up(served: Served, request: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)


def is_healthy(served: Served) -> bool:
    with urllib.request.urlopen(f"{served.url}/_twinport/health", timeout=PATIENCE_SECONDS) as answer:
        return bool(answer.status == 200)


def test_simulations_whose_clients_hang_up_hold_neither_pushes_nor_health_nor_the_end(served: Served) -> None:
    request = heavy(Signer(f"127.0.0.1:{served.port}", ACCOUNT))
    for _ in range(CLIENTS):
        hang_up(served, request)
    assert is_healthy(served)
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/api")
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    part = {"repositoryName": "team/api", "uploadId": upload, "partFirstByte": 0, "partLastByte": 4}
    assert ecr.upload_layer_part(**part, layerPartBlob=b"layer")["lastByteReceived"] == 4
    for _ in range(CLIENTS):
        hang_up(served, request)
    assert is_healthy(served)
    served.process.terminate()
    assert served.process.wait(timeout=_BOUND) == 0


def test_places_of_clients_that_hung_up_are_free_again(served: Served) -> None:
    signer = Signer(f"127.0.0.1:{served.port}", ACCOUNT)
    # More than there are threads and places in the queue.
    for _ in range(24):
        hang_up(served, heavy(signer))
    iam = served.client("iam", ACCOUNT)
    allowing = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

    def answered() -> bool:
        try:
            iam.simulate_custom_policy(PolicyInputList=[allowing], ActionNames=["ecr:PutImage"])
        except iam.exceptions.ClientError as refusal:
            return _is_no_throttling(refusal)
        return True

    assert until(answered)


def _is_no_throttling(refusal: ClientError) -> bool:
    """Throttling is what a full queue says, and passes."""
    if refusal.response["Error"]["Code"] != "Throttling":
        raise refusal
    return False
