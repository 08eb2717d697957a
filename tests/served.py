"""A real server in a process of its own, for tests that come in by the public door."""

import os
import random
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests import exchanges, witness
from tests.ports import free_port
from tests.waiting import END_SECONDS, PATIENCE_SECONDS
from twinport.commands.certificates import Files

# Accounts are open, and keys of KMS are stored and shown, unless a test says otherwise.
DEFAULTS = {"TWINPORT_OPEN_ACCOUNTS": "true", "TWINPORT_ENCRYPTION_AT_REST": "record"}
START_LIMIT = 2 * PATIENCE_SECONDS


@dataclass(frozen=True)
class Served:
    """A running server and how to reach it; over TLS if there is an authority to trust."""

    port: int
    data: Path
    process: subprocess.Popen[bytes]
    authority: Path | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self.authority is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext | None:
        return None if self.authority is None else ssl.create_default_context(cafile=self.authority)

    def client(
        self, service: str, account: str, region: str = "eu-west-1", keys: tuple[str, str, str | None] | None = None
    ) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
        """Make a boto3 client: the root of an open account, or the owner of `keys`."""
        key_id, secret, token = keys or (account, "test", None)
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            verify=None if self.authority is None else str(self.authority),
            config=Config(retries={"max_attempts": 1}, connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS),
        )
        if service == "ecr":
            exchanges.listen(client)
        return client

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=END_SECONDS)


def start_secure(data: Path, files: Files, **environment: str) -> Served:
    """Start a server that shows this certificate, and return when it answers."""
    shown = {"TWINPORT_TLS_CERT": str(files.certificate), "TWINPORT_TLS_KEY": str(files.key)}
    return start(data, None, files.authority, **shown, **environment)


def start(
    data: Path,
    port: int | None = None,
    authority: Path | None = None,
    wrapped_in: Sequence[str] = (),
    program: str | None = None,
    words: Sequence[str] = (),
    **environment: str,
) -> Served:
    """Start a server, by the command `wrapped_in` if one is given, or a program that stands for one.

    Return when it answers. `words` are behind the command; a later `--listen` wins. `DEFAULTS` hold unless
    `environment` says otherwise.
    """
    port = port or free_port()
    program = program or ("tests.watched" if witness.is_watching() and witness.is_in_a_suite() else "twinport")
    command = [sys.executable, "-m", program, "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}", *words]
    root = Path(__file__).parent.parent
    source = os.pathsep.join([str(root / "src"), str(root)])
    log = (data.parent / f"{data.name}.log").open("ab")
    variables = {**os.environ, "PYTHONPATH": source, **DEFAULTS, **environment}
    process = subprocess.Popen([*wrapped_in, *command], stderr=log, env=variables)
    log.close()
    served = Served(port, data, process, authority)
    try:
        _wait_until_it_answers(served)
    except AssertionError:
        # No caller gets this process, so no other code would end it.
        process.kill()
        raise
    return served


def new_account() -> str:
    """A clean account costs nothing: these twelve digits were not used before."""
    return f"{random.randrange(10**11, 10**12)}"


def _wait_until_it_answers(served: Served) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if served.process.poll() is not None:
            raise AssertionError(f"the server ended with {served.process.returncode}: {_log_of(served)}")
        try:
            with urllib.request.urlopen(f"{served.url}/_twinport/health", timeout=1, context=served.trust):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"the server did not answer within {START_LIMIT} s: {_log_of(served)}")


def _log_of(served: Served) -> str:
    return (served.data.parent / f"{served.data.name}.log").read_text()[-2000:]
