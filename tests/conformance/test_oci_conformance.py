"""The referee of the registry protocol: the conformance suite of OCI Distribution, against a real server."""

import base64
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests import go_programs
from tests.served import Served, start

# The rewritten suite; no tag carries it.
SUITE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
ACCOUNT = "111111111111"
# Every option of the suite that is off by default, but for one: manifests whose parts were never pushed
# ("sparse") are refused, since readers never see a partial image (docs/reference/registry-protocol.md).
OPTIONS = {
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
}


@pytest.fixture(scope="session")
def suite() -> Path:
    """Build the suite, which takes Go and its module proxy."""
    return go_programs.built(SUITE)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return start(tmp_path / "data")


def run(suite: Path, served: Served, folder: Path, **flags: str) -> tuple[Counter[str], str]:
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
        **flags,
    }
    ended = subprocess.run(
        [suite], cwd=folder, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    served.stop()
    found = re.findall(r"^  (Disabled|Skip|Pass|FAIL|Error|Total)\.+: +(\d+)$", ended.stdout, re.MULTILINE)
    counts = Counter({name: int(count) for name, count in found})
    print(f"conformance: {dict(counts)}")
    return counts, "\n".join(line for line in ended.stdout.splitlines() if "FAIL" in line)


@pytest.mark.parametrize(("flags", "total"), [({}, 858), (OPTIONS, 982)], ids=["default", "options"])
def test_the_registry_conforms(suite: Path, served: Served, tmp_path: Path, flags: dict[str, str], total: int) -> None:
    counts, failures = run(suite, served, tmp_path, **flags)
    assert (counts["FAIL"], counts["Error"]) == (0, 0), failures
    assert counts["Total"] == total
    assert counts["Pass"] >= total * 0.7
