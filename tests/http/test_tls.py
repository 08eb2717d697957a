"""TLS under a real server: who is trusted, what is spoken, and how a certificate is renewed."""

import http.client
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from tests.ports import free_port
from tests.waiting import END_SECONDS, PATIENCE_SECONDS
from twinport.commands.certificates import Files, make, names_for

ACCOUNT = "111122223333"
NAMES = names_for((), ("registry.test",), ("eu-west-1",))
CONTENT = b"x" * (1 << 20)


@dataclass
class Secure:
    """A server that speaks TLS, and the files of its certificate."""

    files: Files
    port: int
    data: Path
    process: "subprocess.Popen[bytes]"

    def connect(self) -> http.client.HTTPSConnection:
        trust = ssl.create_default_context(cafile=str(self.files.authority))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=trust, timeout=PATIENCE_SECONDS)

    def shown(self) -> str:
        """The fingerprint of the certificate that a new connection is shown."""
        pem = ssl.get_server_certificate(
            ("127.0.0.1", self.port), ca_certs=str(self.files.authority), timeout=PATIENCE_SECONDS
        )
        return sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def may_still_show(self, fingerprint: str) -> bool:
        """Tell whether one of ten new connections is shown a certificate, or is cut by a server that ends."""
        try:
            return fingerprint in {self.shown() for _ in range(10)}
        except (ssl.SSLEOFError, ConnectionResetError):
            return True

    def log(self) -> str:
        return (self.data.parent / "log").read_text()

    def ecr(self) -> "boto3.session.Session":
        client: boto3.session.Session = boto3.client(
            "ecr",
            region_name="eu-west-1",
            endpoint_url=f"https://127.0.0.1:{self.port}",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
            verify=str(self.files.authority),
            config=Config(retries={"max_attempts": 1}),
        )
        return client

    def token(self) -> str:
        answer = self.ecr().get_authorization_token()
        return f"Basic {answer['authorizationData'][0]['authorizationToken']}"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def begun(folder: Path, workers: int = 1) -> Secure:
    files, port, data = make(folder / "tls", NAMES, datetime.now(UTC)), free_port(), folder / "data"
    words = ("--listen", f"127.0.0.1:{port}", "--data", str(data), "--workers", str(workers))
    command = [sys.executable, "-m", "twinport", "serve", "--open", *words]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--tls-cert", str(files.certificate), "--tls-key", str(files.key)], stderr=log
        )
    served = Secure(files, port, data, process)
    until(lambda: process.poll() is None and answers(served))
    return served


def answers(served: Secure) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", served.port), timeout=1):
            return bool(served.shown())
    except OSError:
        return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    served = begun(tmp_path_factory.mktemp("tls"))
    yield served
    served.process.terminate()
    served.process.wait(timeout=END_SECONDS)


def test_who_trusts_the_authority_is_served_and_who_does_not_is_not(served: Secure) -> None:
    with closing(served.connect()) as connection:
        connection.request("GET", "/_twinport/health")
        assert connection.getresponse().status == 200
    stranger = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=PATIENCE_SECONDS)
    with closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", "/")


def test_clients_are_told_https_addresses_and_policies_that_it_is_secure(served: Secure) -> None:
    assert served.ecr().get_authorization_token()["authorizationData"][0]["proxyEndpoint"].startswith("https://")
    with closing(served.connect()) as connection:
        connection.request("GET", "/v2/")
        assert connection.getresponse().headers["www-authenticate"].startswith('Basic realm="https://')


def test_old_protocols_are_not_spoken(served: Secure) -> None:
    trust = ssl.create_default_context(cafile=str(served.files.authority))
    trust.minimum_version, trust.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    plain = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE_SECONDS)
    with trust.wrap_socket(plain, server_hostname="localhost") as spoken:
        assert spoken.version() == "TLSv1.2"
    said = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{served.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode != 0


def test_http_2_is_offered_and_spoken(served: Secure) -> None:
    said = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--http2", "--cacert", str(served.files.authority),
            "--write-out", "%{http_version} %{http_code}", "--output", "/dev/null",
            f"https://127.0.0.1:{served.port}/_twinport/health",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert said.stdout == "2 200", said.stderr


def test_a_renewed_certificate_is_shown_and_an_upload_under_way_is_not_broken(served: Secure) -> None:
    served.ecr().create_repository(repositoryName="team/api")
    connection, token, before = served.connect(), served.token(), served.shown()
    digest = f"sha256:{sha256(CONTENT).hexdigest()}"
    connection.putrequest("POST", f"/v2/team/api/blobs/uploads/?digest={digest}")
    for name, value in (("Authorization", token), ("Content-Length", str(len(CONTENT)))):
        connection.putheader(name, value)
    connection.endheaders(CONTENT[:1000])
    make(served.files.folder, NAMES, datetime.now(UTC) + timedelta(seconds=1))
    served.process.send_signal(signal.SIGHUP)
    until(lambda: served.shown() != before)
    connection.send(CONTENT[1000:])
    answer = connection.getresponse()
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest)
    connection.close()
    assert '"certificate.shown"' in served.log()


def test_a_certificate_that_cannot_be_used_is_reported_and_the_old_one_stays(served: Secure) -> None:
    before, good = served.shown(), served.files.certificate.read_bytes()
    served.files.certificate.write_bytes(b"no certificate")
    served.process.send_signal(signal.SIGHUP)
    until(lambda: '"certificate.refused"' in served.log())
    assert served.shown() == before
    served.files.certificate.write_bytes(good)


def test_every_process_of_a_server_takes_over_the_new_certificate(tmp_path: Path) -> None:
    served = begun(tmp_path, workers=2)
    try:
        until(lambda: served.log().count('"server.started"') == 2)
        before = served.shown()
        make(served.files.folder, NAMES, datetime.now(UTC) + timedelta(seconds=1))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: served.log().count('"certificate.shown"') == 2)
        # The old servers stop accepting a moment later.
        until(lambda: not served.may_still_show(before))
    finally:
        served.process.terminate()
        assert served.process.wait(timeout=END_SECONDS) == 0


def refused(folder: Path, **given: Path) -> str:
    """Start with these files and return what is said instead of serving."""
    words = [word for name, path in given.items() for word in (f"--{name.replace('_', '-')}", str(path))]
    command = [sys.executable, "-m", "twinport", "serve", "--data", str(folder / "data"), *words]
    listen = ("--listen", f"127.0.0.1:{free_port()}")
    ended = subprocess.run([*command, *listen], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert not (folder / "data").exists()
    return ended.stderr


def test_files_that_are_no_pair_end_the_start_with_a_reason(tmp_path: Path) -> None:
    one = make(tmp_path / "one", ["localhost"], datetime.now(UTC))
    two = make(tmp_path / "two", ["localhost"], datetime.now(UTC))
    assert "they are no certificate and its key" in refused(tmp_path, tls_cert=one.certificate, tls_key=two.key)
    assert "no such file" in refused(tmp_path, tls_cert=tmp_path / "none", tls_key=one.key)
    assert "'tls_cert' and 'tls_key' belong together" in refused(tmp_path, tls_cert=one.certificate)
    late = make(tmp_path / "late", ["localhost"], datetime.now(UTC) - timedelta(days=500))
    said = refused(tmp_path, tls_cert=late.certificate, tls_key=late.key)
    assert re.search(r"the certificate is valid from \d{4}-\d\d-\d\d", said)
