"""Metrics through HTTP: what a real server counts, which scrapes it answers, and that no secret is in them."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import create_engine

from tests.ecr.test_boto3 import LAYER, push
from tests.ports import free_port
from tests.processes.test_processes import children
from tests.scraping import Scraped, refusal, scrape
from tests.served import Served, new_account, start
from tests.waiting import END_SECONDS, PATIENCE_SECONDS, until
from twinport.catalog.embedded import region_file
from twinport.catalog.regional import schema
from twinport.control.backlog import MOST_ACCOUNTS
from twinport.model.names import RegionName
from twinport.processes.peers import this_host

TOKEN = "a-token-of-metrics-0123456789"
CODE = "DESTINATION_REGISTRY_ACCESS_DENIED"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of this module, since other tests count on the one of the session too."""
    served = start(tmp_path_factory.mktemp("metrics") / "data")
    yield served
    served.stop()


def ecr_of(served: Served) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = served.client("ecr", new_account())
    client.create_repository(repositoryName="team/api")
    return client


def replicate(ecr: Any, account: str, region: str) -> None:  # noqa: ANN401 — as above
    rules = [{"destinations": [{"region": region, "registryId": account}]}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})


def test_a_push_counts_its_requests_its_bytes_and_its_times(opened: Served) -> None:
    ecr = ecr_of(opened)
    before = scrape(opened.url)
    push(ecr, "1")
    after = scrape(opened.url)
    requests = {"verb": "ecr:PutImage", "outcome": "ok"}
    assert moved(before, after, "twinport_requests_total", **requests) == 1
    assert moved(before, after, "twinport_request_seconds_count", verb="ecr:PutImage") == 1
    assert moved(before, after, "twinport_request_bytes_total", door="ecr") > len(LAYER)
    assert moved(before, after, "twinport_response_bytes_total", door="ecr") > 0
    assert moved(before, after, "twinport_database_seconds_count", database="region", operation="write") >= 4
    assert moved(before, after, "twinport_store_seconds_count", operation="sync") >= 1


def test_a_refused_call_counts_under_its_code(opened: Served) -> None:
    ecr = ecr_of(opened)
    before = scrape(opened.url)
    with pytest.raises(ClientError):
        ecr.describe_images(repositoryName="nowhere")
    after = scrape(opened.url)
    asked = {"verb": "ecr:DescribeImages", "outcome": "refused"}
    assert moved(before, after, "twinport_requests_total", **asked) == 1
    assert moved(before, after, "twinport_refusals_total", door="ecr", code="RepositoryNotFoundException") == 1


def test_the_registry_door_counts_what_is_asked_by_method_and_place(opened: Served) -> None:
    ecr = ecr_of(opened)
    registry, token = ecr.describe_registry()["registryId"], ecr.get_authorization_token()["authorizationData"][0]
    signed_in = {"authorization": f"Basic {token['authorizationToken']}"}
    before = scrape(opened.url)
    assert refusal(opened.url, signed_in, f"/v2/{registry}/eu-west-1/team/api/manifests/none")[0] == 404
    after = scrape(opened.url)
    assert moved(before, after, "twinport_refusals_total", door="oci", code="MANIFEST_UNKNOWN") == 1
    assert moved(before, after, "twinport_requests_total", verb="oci:GET manifests", outcome="refused") == 1


def test_a_request_without_credentials_has_no_verb_at_the_registry_door(opened: Served) -> None:
    before = scrape(opened.url)
    assert refusal(opened.url, {}, "/v2/team/api/manifests/a-tag-of-a-stranger")[0] == 401
    after = scrape(opened.url)
    assert moved(before, after, "twinport_refusals_total", door="oci", code="UNAUTHORIZED") == 1
    assert moved(before, after, "twinport_requests_total", verb="unknown", outcome="refused") == 1


def test_a_replication_counts_at_its_destination(opened: Served) -> None:
    ecr = ecr_of(opened)
    account = ecr.describe_registry()["registryId"]
    replicate(ecr, account, "ap-south-1")
    before = scrape(opened.url)
    push(ecr, "1")
    where = {"destination": "ap-south-1"}
    until(lambda: moved(before, scrape(opened.url), "twinport_delivery_attempts_total", outcome="complete", **where))
    after = scrape(opened.url)
    assert moved(before, after, "twinport_delivered_bytes_total", **where) >= len(LAYER)


def test_a_failed_delivery_counts_under_its_failure_code(opened: Served) -> None:
    ecr = ecr_of(opened)
    replicate(ecr, new_account(), "us-west-2")
    before = scrape(opened.url)
    push(ecr, "1")
    failed = {"destination": "us-west-2", "outcome": CODE}
    until(lambda: moved(before, scrape(opened.url), "twinport_delivery_attempts_total", **failed) == 1)


def test_sign_ins_count_by_how_they_end(opened: Served) -> None:
    before = scrape(opened.url)
    sign_in(opened, new_account(), "test")
    sign_in(opened, "AKIAIOSFODNN7EXAMPLE", "wrong")
    after = scrape(opened.url)
    assert moved(before, after, "twinport_sign_ins_total", by="key", outcome="done") == 1
    assert moved(before, after, "twinport_sign_ins_total", by="key", outcome="refused") == 1


def test_nothing_that_a_client_chose_and_no_secret_is_in_the_metrics(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_METRICS_TOKEN=TOKEN)
    try:
        planted = plant(served)
        found = scrape(served.url, TOKEN).text
        log = (tmp_path / "data.log").read_text()
    finally:
        served.stop()
    assert [secret for secret in planted if secret in found] == []
    assert TOKEN not in found + log


def test_a_scrape_needs_the_token_that_is_set_and_is_told_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    file = str(tmp_path / "token")
    served = start(tmp_path / "data", TWINPORT_METRICS_TOKEN_FILE=file, TWINPORT_OPEN_ACCOUNTS="")
    try:
        for wrong in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Basic {TOKEN}"}):
            status, words = refusal(served.url, wrong)
            sentence = "metrics need the header 'Authorization: Bearer TOKEN' with the token of 'metrics_token'"
            assert (status, json.loads(words)) == (401, {"message": sentence})
        assert "twinport_backlog_readable 1.0" in scrape(served.url, TOKEN).text
    finally:
        served.stop()


def test_closed_accounts_show_metrics_on_their_own_listener_alone(tmp_path: Path) -> None:
    own = f"127.0.0.1:{free_port()}"
    served = start(tmp_path / "data", TWINPORT_METRICS_LISTEN=own, TWINPORT_OPEN_ACCOUNTS="")
    try:
        assert refusal(served.url, {})[0] == 403
        assert "twinport_backlog_readable 1.0" in scrape(f"http://{own}").text
        assert refusal(f"http://{own}", {}, "/v2/")[0] == 404
        assert refusal(f"http://{own}", {}, method="POST")[0] == 405
        assert refusal(f"http://{own}", {"host": "rebound.example"})[0] == 403
    finally:
        served.stop()


def test_with_a_token_the_own_listener_asks_for_it_too(tmp_path: Path) -> None:
    own = f"127.0.0.1:{free_port()}"
    served = start(tmp_path / "data", TWINPORT_METRICS_LISTEN=own, TWINPORT_METRICS_TOKEN=TOKEN)
    try:
        assert refusal(f"http://{own}", {})[0] == 401
        assert "twinport_backlog_readable" in scrape(f"http://{own}", TOKEN).text
    finally:
        served.stop()


def test_an_address_that_another_program_uses_ends_the_start_with_a_sentence(tmp_path: Path, opened: Served) -> None:
    taken = f"127.0.0.1:{opened.port}"
    with pytest.raises(AssertionError, match=r"cannot listen on '.*' for metrics"):
        start(tmp_path / "data", TWINPORT_METRICS_LISTEN=taken)


def test_one_scrape_shows_two_processes_of_a_server_and_a_worker_beside_them(tmp_path: Path) -> None:
    own = f"127.0.0.1:{free_port()}"
    served = start(tmp_path / "data", words=["--workers", "2"], TWINPORT_METRICS_LISTEN=own)
    worker = subprocess.Popen([sys.executable, "-m", "twinport", "worker", "--data", str(served.data)])
    try:
        until(lambda: scrape(f"http://{own}").values("process") == {"1", "2", "3"})
        ecr = ecr_of(served)
        for _ in range(8):
            ecr.describe_repositories()
        done = {"verb": "ecr:DescribeRepositories", "outcome": "ok"}
        assert {scrape(f"http://{own}").number("twinport_requests_total", **done) for _ in range(8)} == {8}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=END_SECONDS)
        served.stop()


def test_a_process_that_says_what_no_process_of_this_version_says_costs_the_others_no_scrape(opened: Served) -> None:
    no_labels = {
        "twinport_requests_in_progress": [[[], [41]]],
        "twinport_requests_total": [[["verb"], [1]], 7, [[], []]],
    }
    other_bounds = {"twinport_request_seconds": [[["verb"], [1, 2]]], "twinport_refusals_total": {"a": 1}}
    with said_beside(opened, json.dumps(no_labels | other_bounds).encode()) as process:
        assert scrape(opened.url).number("twinport_requests_in_progress", process=process) == 41
    for said in (b"[]", b"null", b"{", b'{"twinport_requests_in_progress": [[[], ["x"]]]}', b" " * (9 << 20) + b"{}"):
        with said_beside(opened, said) as process:
            scraped = scrape(opened.url)
            assert scraped.values("process") - {process} == {"1"}
            assert scraped.number("twinport_requests_in_progress", process=process) == 0


def test_a_server_whose_folder_of_sockets_is_gone_shows_its_own_numbers(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    try:
        (served.data / "metrics").rename(tmp_path / "elsewhere")
        assert scrape(served.url).values("process") == {"1"}
    finally:
        served.stop()


@contextmanager
def said_beside(served: Served, said: bytes) -> Iterator[str]:
    """Let a process beside the server say this to each scrape meanwhile; yield its number."""
    name, folder = "99", served.data / "metrics"
    path = folder / f"{this_host()}-{name}"
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        handle = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, handle)
        listening.bind(f"/proc/self/fd/{handle}/{path.name}")
        stack.callback(path.unlink)
        listening.listen()
        threading.Thread(target=_say_to_all, args=(listening, said), daemon=True).start()
        yield name
        listening.shutdown(socket.SHUT_RDWR)


def _say_to_all(listening: socket.socket, said: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(said)


def test_ten_thousand_accounts_that_owe_images_are_a_bounded_number_of_series(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    ecr_of(served)
    fewest = len(scrape(served.url).series)
    served.stop()
    owe_for_accounts(served.data, 10_000)
    served = start(served.data)
    try:
        found = scrape(served.url)
        assert found.number("twinport_account_deliveries_waiting") == 10_000
        assert "other" in found.values("account")
        assert len(found.series) < fewest + 3 * MOST_ACCOUNTS
    finally:
        served.stop()


def test_a_process_that_is_replaced_goes_on_under_its_number(tmp_path: Path) -> None:
    served = start(tmp_path / "data", words=["--workers", "2"])
    try:
        until(lambda: scrape(served.url).values("process") == {"1", "2"})
        started = scrape(served.url).number("twinport_process_start_timestamp_seconds")
        victim = min(until(lambda: children(served)))
        subprocess.run(["kill", "-9", str(victim)], check=True)
        until(lambda: replaced(served, started))
        folder = served.data / "metrics"
        assert {path.stat().st_mode & 0o777 for path in [*folder.iterdir()]} == {0o600}
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        served.stop()


# --- helpers ----------------------------------------------------------------------------------------------


def moved(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.number(name, **labels) - before.number(name, **labels)


def owe_for_accounts(data: Path, accounts: int) -> None:
    """Let each of many accounts owe an image that is due tomorrow."""
    later = datetime.now(UTC) + timedelta(days=1)
    to = {"destination_region": "us-east-1", "destination_account": "111122223333", "waiting": 1, "oldest": later}
    file = region_file(data, RegionName("eu-west-1"))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as db:
        db.execute(schema.lane.insert(), [{"source_account": f"{number:012}", **to} for number in range(accounts)])
    engine.dispose()


def replaced(served: Served, started: float) -> bool:
    """Tell whether two processes are shown, one of which is new."""
    try:
        found = scrape(served.url)
    except OSError:
        return False
    later = found.number("twinport_process_start_timestamp_seconds") > started
    return later and found.values("process") == {"1", "2"}


def sign_in(served: Served, key: str, secret: str) -> None:
    """Send the form of the console, as a browser does."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/console/sign-in")
    page = connection.getresponse()
    (csrf, *_) = re.findall(r'name="csrf" value="(\w+)"', page.read().decode())
    cookie = str(page.headers["set-cookie"]).partition(";")[0]
    form = {"csrf": csrf, "way": "key", "key": key, "secret": secret}
    headers = {"content-type": "application/x-www-form-urlencoded", "cookie": cookie}
    connection.request("POST", "/console/sign-in", urllib.parse.urlencode(form), headers)
    connection.getresponse().read()
    connection.close()


def plant(served: Served) -> list[str]:
    """Send secrets and names of a client's own in every place there is, and return them."""
    account = new_account()
    iam = served.client("iam", account)
    iam.create_user(UserName="alice-of-metrics")
    key = iam.create_access_key(UserName="alice-of-metrics")["AccessKey"]
    ecr = served.client("ecr", account)
    ecr.create_repository(repositoryName="team/api")
    push(ecr, "a-planted-tag")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    sign_in(served, key["AccessKeyId"], key["SecretAccessKey"])
    sign_in(served, "AKIAIOSFODNN7EXAMPLE", "a-planted-password")
    for path in ("/planted/path", "/_twinport/planted", "/v2/planted/name/manifests/planted-tag"):
        refusal(served.url, {"authorization": f"Basic {token}", "x-amz-target": "Planted.Target"}, path)
    refusal(served.url, {"authorization": "Bearer planted-token"})
    refusal(served.url, {"host": "planted.example"}, "/v2/")
    refusal(served.url, {}, "/v2/", method="PLANTED")
    secrets = [key["SecretAccessKey"], token, base64.b64decode(token).decode().partition(":")[2]]
    return [*secrets, key["AccessKeyId"], "alice", "team/api", "planted", "PLANTED", "Planted", "sha256"]
