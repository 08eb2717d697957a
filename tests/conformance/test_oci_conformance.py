"""The referee of the registry protocol: the conformance suite of OCI Distribution, against a real server."""

import base64
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import go_programs
from tests.served import Served, start, start_secure
from twinport.commands.certificates import make

# The rewritten suite; no tag carries it.
SUITE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
ACCOUNT = "111111111111"


@pytest.fixture(scope="session")
def suite() -> Path:
    """Build the suite, which takes Go and its module proxy."""
    return go_programs.built(SUITE)


@dataclass(frozen=True)
class Configuration:
    """What the suite is to try, what the server must be told for it, and how many tests that makes."""

    options: dict[str, str]
    settings: dict[str, str]
    total: int
    skipped: int


DEFAULT = Configuration({}, {}, 862, 2)
# Every option of the suite that is off by default. Manifests whose parts were never pushed ("sparse") take a setting:
# without it readers never see a partial image (docs/decisions/0009-sparse-images.md).
EVERY_OPTION = Configuration(
    {
        "OCI_API_BLOBS_DIGEST_HEADER": "true",
        "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
        "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
        "OCI_API_MANIFESTS_TAG_PARAM": "true",
        "OCI_DATA_SPARSE": "true",
    },
    {"TWINPORT_SPARSE_IMAGES": "true"},
    1032,
    2,
)


def over_http(folder: Path, settings: dict[str, str]) -> Served:
    return start(folder / "data", None, None, **settings)


def over_tls(folder: Path, settings: dict[str, str]) -> Served:
    files = make(folder / "tls", ["localhost", "127.0.0.1"], datetime.now(UTC))
    return start_secure(folder / "data", files, **settings)


@pytest.mark.parametrize("begin", [over_http, over_tls])
@pytest.mark.parametrize("configuration", [DEFAULT, EVERY_OPTION], ids=["default", "every option"])
def test_the_registry_conforms(
    suite: Path, tmp_path: Path, configuration: Configuration, begin: Callable[[Path, dict[str, str]], Served]
) -> None:
    served = begin(tmp_path, configuration.settings)
    try:
        counts, failures = run(suite, served, tmp_path, configuration.options)
    finally:
        served.stop()
    assert (counts["FAIL"], counts["Error"]) == (0, 0), failures
    assert counts["Total"] == configuration.total
    # What is skipped but options that are off: a range that ends before it begins, which RFC 9110 lets a server ignore.
    assert counts["Skip"] == configuration.skipped


def run(suite: Path, served: Served, folder: Path, options: dict[str, str]) -> tuple[Counter[str], str]:
    """Run the suite and count its results."""
    ecr = served.client("ecr", ACCOUNT)
    for name in ("conformance/repo1", "conformance/repo2"):
        ecr.create_repository(repositoryName=name)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    environment = {
        "PATH": os.environ["PATH"],
        "OCI_REGISTRY": f"127.0.0.1:{served.port}",
        "OCI_TLS": "disabled" if served.authority is None else "enabled",
        **({} if served.authority is None else {"SSL_CERT_FILE": str(served.authority)}),
        "OCI_USERNAME": user,
        "OCI_PASSWORD": password,
        "OCI_RESULTS_DIR": str(folder / "results"),
        **options,
    }
    ended = subprocess.run(
        [suite], cwd=folder, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    found = re.findall(r"^  (Disabled|Skip|Pass|FAIL|Error|Total)\.+: +(\d+)$", ended.stdout, re.MULTILINE)
    counts = Counter({name: int(count) for name, count in found})
    print(f"conformance: {dict(counts)}")
    return counts, "\n".join(line for line in ended.stdout.splitlines() if "FAIL" in line)
