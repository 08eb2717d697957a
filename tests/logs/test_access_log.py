"""The access log: one line a request, with the caller that authentication found, and nothing secret."""

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.served import Served, new_account, start
from tests.waiting import PATIENCE_SECONDS, until
from twinport.http.access_log import Entry
from twinport.http.messages import Message, Request, request_of


@pytest.fixture(scope="module")
def logging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("logging") / "data", TWINPORT_ACCESS_LOG="true")
    yield served
    served.stop()


def lines(served: Served) -> list[dict[str, Any]]:
    text = (served.data.parent / f"{served.data.name}.log").read_text()
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == "request.answered"]


def logged(served: Served, request_id: str) -> dict[str, Any]:
    """Return the line of a request. It is written after the answer has been sent."""
    until(lambda: any(line["request_id"] == request_id for line in lines(served)))
    [line] = [line for line in lines(served) if line["request_id"] == request_id]
    return line


def get(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
    """Return status, request id and body of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.headers["x-request-id"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["x-request-id"], error.read()


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'AWS:{password}'.encode()).decode()}"


def token(served: Served, account: str) -> str:
    answer = served.client("ecr", account).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(answer).decode().partition(":")[2]


def test_a_line_says_what_was_asked_and_answered(logging: Served) -> None:
    status, request_id, body = get(f"{logging.url}/v2/team/api/tags/list?n=5")
    line = logged(logging, request_id)
    assert line.pop("milliseconds") > 0
    assert line.pop("at")
    assert line == {
        "level": "info",
        "event": "request.answered",
        "request_id": request_id,
        "method": "GET",
        "path": "/v2/team/api/tags/list",
        "operation": None,
        "status": status,
        "caller": "anonymous",
        "source": "127.0.0.1",
        "bytes_in": 0,
        "bytes_out": len(body),
    }


def test_the_registry_protocols_caller_is_named(logging: Served) -> None:
    account = new_account()
    _, request_id, _ = get(f"{logging.url}/v2/team/api/tags/list", authorization=basic(token(logging, account)))
    assert logged(logging, request_id)["caller"] == f"arn:aws:iam::{account}:root"


def test_a_caller_that_is_refused_later_is_named_too(logging: Served) -> None:
    account = new_account()
    iam = logging.client("iam", account)
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    ecr = logging.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    with pytest.raises(ecr.exceptions.ClientError) as refused:
        ecr.describe_repositories()
    line = logged(logging, refused.value.response["ResponseMetadata"]["RequestId"])
    assert (line["caller"], line["operation"]) == (f"arn:aws:iam::{account}:user/alice", "ecr:DescribeRepositories")


def test_a_signature_that_is_wrong_names_no_caller(logging: Served) -> None:
    sts = logging.client("sts", new_account(), keys=("111122223333", "wrong", None))
    with pytest.raises(sts.exceptions.ClientError) as refused:
        sts.get_caller_identity()
    line = logged(logging, refused.value.response["ResponseMetadata"]["RequestId"])
    assert (line["caller"], line["operation"], line["status"]) == ("anonymous", None, 403)


def test_bytes_of_bodies_are_counted_both_ways(logging: Served) -> None:
    account = new_account()
    logging.client("ecr", account).create_repository(repositoryName="team/api")
    authorization, content = basic(token(logging, account)), b"x" * 300_000
    digest = f"sha256:{sha256(content).hexdigest()}"
    at = f"{logging.url}/v2/team/api/blobs"
    status, pushed, _ = get(f"{at}/uploads/?digest={digest}", "POST", content, authorization=authorization)
    _, pulled, _ = get(f"{at}/{digest}", authorization=authorization)
    _, part, _ = get(f"{at}/{digest}", authorization=authorization, range="bytes=0-99")
    _, head, _ = get(f"{at}/{digest}", "HEAD", authorization=authorization)
    assert status == 201
    assert logged(logging, pushed)["bytes_in"] == len(content)
    assert [logged(logging, each)["bytes_out"] for each in (pulled, part, head)] == [len(content), 100, 0]


def test_no_query_is_logged(logging: Served) -> None:
    _, request_id, _ = get(f"{logging.url}/v2/?signature=shown-to-no-one")
    assert "shown-to-no-one" not in json.dumps(logged(logging, request_id))


def test_a_path_steers_no_terminal_and_begins_no_line(logging: Served) -> None:
    path = "/\u009b31m\u0085{}\u202e"
    with socket.create_connection(("127.0.0.1", logging.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 404")
    until(lambda: any("31m" in line["path"] for line in lines(logging)))
    [line] = [line for line in lines(logging) if "31m" in line["path"]]
    # Each byte of the target is one character there.
    assert line["path"] == path.encode().decode("latin-1")
    text = (logging.data.parent / f"{logging.data.name}.log").read_text()
    assert all(each.isprintable() for each in text.removesuffix("\n").split("\n"))


def test_nothing_is_logged_of_requests_unless_it_is_asked_for(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    get(f"{served.url}/v2/")
    served.client("sts", new_account()).get_caller_identity()
    # A line would be written after the answer, but before the end of the server.
    served.stop()
    assert not lines(served)


def test_a_client_cannot_make_a_line_as_long_as_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    Entry(nothing_comes, nothing_goes).write(request_for("/" + "a" * 100_000), "127.0.0.1")
    assert len(json.loads(capsys.readouterr().err)["path"]) < 1100


def test_a_request_that_is_never_answered_has_no_status(capsys: pytest.CaptureFixture[str]) -> None:
    Entry(nothing_comes, nothing_goes).write(request_for("/"), "127.0.0.1")
    assert json.loads(capsys.readouterr().err)["status"] is None


def request_for(path: str) -> Request:
    return request_of({"method": "GET", "path": path, "headers": []}, nothing_comes, "1")


async def nothing_comes() -> Message:
    raise AssertionError


async def nothing_goes(_message: Message) -> None:
    raise AssertionError
