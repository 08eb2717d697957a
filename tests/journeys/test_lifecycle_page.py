"""The commands of docs/how-to/lifecycle.md and docs/how-to/scan-findings.md, as a reader would run them."""

import json
import re
from pathlib import Path

from tests.ecr.pushing import manifest, push, push_layer
from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.documents import ROOT, run_commands
from tests.journeys.server import Server
from tests.waiting import until

CONFIG = b"{}"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"


def test_every_command_about_lifecycle_policies_works(server: Server, source: Owner, tmp_path: Path) -> None:
    ecr = source.boto("ecr")
    ecr.create_repository(repositoryName="team/api")
    push_layer(ecr, "team/api", CONFIG)
    for number in range(22):
        push(ecr, "team/api", manifest(CONFIG, annotations={"number": str(number)}), f"v{21 - number}")
    ecr.update_image_storage_class(repositoryName="team/api", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    said = run_commands("how-to/lifecycle.md", {"127.0.0.1:4566": server.address}, tmp_path)
    assert '"expiringImageTotalCount": 1' in said
    until(lambda: "v21" not in {image["imageTag"] for image in ecr.list_images(repositoryName="team/api")["imageIds"]})
    assert ecr.describe_images(repositoryName="team/api", imageIds=[{"imageTag": "v1"}])["imageDetails"]


def test_every_command_about_scan_findings_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "scan-findings.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    documents = tmp_path / "findings"
    (documents / "repositories" / "team").mkdir(parents=True)
    (documents / "repositories" / "team" / "api.json").write_text(example)
    server = Server(tmp_path)
    server.environment["TWINPORT_SCAN_FINDINGS"] = str(documents)
    with server:
        ecr = Owner(server, SOURCE, HOME).boto("ecr")
        ecr.create_repository(repositoryName="team/api")
        push_layer(ecr, "team/api", CONFIG)
        image = json.loads(manifest(CONFIG))
        image["config"]["mediaType"] = IMAGE_CONFIG
        push(ecr, "team/api", json.dumps(image), "1")
        said = run_commands("how-to/scan-findings.md", {"127.0.0.1:4566": server.address}, tmp_path)
    assert json.loads(said[said.rindex("{") :]) == {"CRITICAL": 1}
