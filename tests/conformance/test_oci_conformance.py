"""The referee of the registry protocol: the conformance suite of OCI Distribution, against a real server."""

import base64
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import go_programs
from tests.served import Served, free_port, start

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


DEFAULT = Configuration({}, {}, 858)
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
    1028,
)


@pytest.mark.parametrize("configuration", [DEFAULT, EVERY_OPTION], ids=["default", "every option"])
def test_the_registry_conforms(suite: Path, tmp_path: Path, configuration: Configuration) -> None:
    served = start(tmp_path / "data", free_port(), **configuration.settings)
    try:
        counts, failures = run(suite, served, tmp_path, configuration.options)
    finally:
        served.stop()
    assert (counts["FAIL"], counts["Error"]) == (0, 0), failures
    assert counts["Total"] == configuration.total
    assert counts["Pass"] >= configuration.total * 0.7


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
        "OCI_TLS": "disabled",
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
