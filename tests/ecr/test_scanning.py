"""Scanning by boto3 against a real server that reads a folder of documents."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.served import Served, new_account, start
from tests.waiting import until
from twinport.model.content import Digest

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
NAME = "team/api"
FINDING = {
    "name": "CVE-2026-0001",
    "description": "a flaw",
    "uri": "https://cves.example/CVE-2026-0001",
    "severity": "HIGH",
    "attributes": [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0.1"}],
}
QUICK = {"Delay": 1, "MaxAttempts": 60}


@dataclass(frozen=True)
class Scanned:
    """A server with a folder of documents."""

    server: Served
    folder: Path

    def document(self, name: str, **members: object) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(members))


@dataclass(frozen=True)
class Client:
    """One account's client, in a Region of its choice."""

    ecr: Any
    account: str

    def push(self, tag: str = "1", name: str = NAME, config_type: str = CONFIG_TYPE) -> str:
        """Push an image of its own and return its digest."""
        layer = uuid4().bytes
        upload = self.ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        where = {"repositoryName": name, "uploadId": upload}
        self.ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(layer) - 1, layerPartBlob=layer)
        self.ecr.complete_layer_upload(**where, layerDigests=[str(Digest.of(layer))])
        config = {"mediaType": config_type, "digest": str(Digest.of(layer)), "size": len(layer)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []})
        put = self.ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)
        return str(put["image"]["imageId"]["imageDigest"])

    def wait(self, tag: str = "1", name: str = NAME) -> None:
        waiter = self.ecr.get_waiter("image_scan_complete")
        waiter.wait(repositoryName=name, imageId={"imageTag": tag}, WaiterConfig=QUICK)

    def find(self, tag: str = "1", name: str = NAME, **page: object) -> dict[str, Any]:
        found: dict[str, Any] = self.ecr.describe_image_scan_findings(
            repositoryName=name, imageId={"imageTag": tag}, **page
        )
        return found


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    folder = tmp_path_factory.mktemp("documents")
    served = start(tmp_path_factory.mktemp("server") / "data", TWINPORT_SCAN_FINDINGS=str(folder))
    yield Scanned(served, folder)
    served.stop()


@pytest.fixture
def client(scanned: Scanned) -> Client:
    account = new_account()
    return Client(scanned.server.client("ecr", account), account)


@pytest.fixture
def name(client: Client) -> str:
    """A repository of its own for each test, since documents are found by name."""
    name = f"team/{uuid4().hex}"
    client.ecr.create_repository(repositoryName=name)
    return name


def test_a_started_scan_ends_and_its_findings_are_those_of_the_document(
    scanned: Scanned, client: Client, name: str
) -> None:
    scanned.document(
        f"repositories/{name}.json", vulnerabilitySourceUpdatedAt="2026-11-01T00:00:00Z", findings=[FINDING]
    )
    digest = client.push(name=name)
    started = client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    assert started["imageScanStatus"] == {"status": "IN_PROGRESS"}
    assert started["imageId"] == {"imageDigest": digest, "imageTag": "1"}
    client.wait(name=name)
    found = client.find(name=name)
    assert found["imageScanStatus"] == {"status": "COMPLETE", "description": "The scan was completed successfully."}
    findings = found["imageScanFindings"]
    assert findings["findings"] == [FINDING]
    assert findings["findingSeverityCounts"] == {"HIGH": 1}
    assert findings["vulnerabilitySourceUpdatedAt"].isoformat().startswith("2026-11-01T")
    assert "enhancedFindings" not in findings


def test_without_a_document_the_scan_fails_and_says_which_files_are_missing(client: Client, name: str) -> None:
    digest = client.push(name=name)
    client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    with pytest.raises(WaiterError):
        client.wait(name=name)
    found = client.find(name=name)
    assert found["imageScanStatus"]["status"] == "FAILED"
    description = found["imageScanStatus"]["description"]
    assert f"repositories/{name}.json" in description
    assert digest.replace(":", "-") in description
    assert "imageScanFindings" not in found


@pytest.mark.honors("DescribeImageScanFindings.ScanNotFoundException")
def test_an_image_that_was_never_scanned_has_no_scan(client: Client, name: str) -> None:
    client.push(name=name)
    with pytest.raises(client.ecr.exceptions.ScanNotFoundException) as refusal:
        client.find(name=name)
    assert refusal.value.response["Error"]["Message"] == (
        "Image scan does not exist for the image with '{imageDigest:'null', imageTag:'1'}' in the repository with "
        f"name '{name}' in the registry with id '{client.account}'"
    )


@pytest.mark.honors(
    "PutRegistryScanningConfiguration.scanType",
    "PutRegistryScanningConfiguration.rules[].scanFrequency",
    "PutRegistryScanningConfiguration.rules[].repositoryFilters[].filter",
    "PutRegistryScanningConfiguration.rules[].repositoryFilters[].filterType",
)
def test_the_registrys_configuration_is_replaced_as_a_whole(client: Client) -> None:
    empty = {"scanType": "BASIC", "rules": []}
    assert client.ecr.get_registry_scanning_configuration()["scanningConfiguration"] == empty
    rules = [
        {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [wildcard("prod*")]},
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [wildcard("*"), wildcard("team/*")]},
    ]
    put = client.ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)
    assert put["registryScanningConfiguration"] == {"scanType": "ENHANCED", "rules": rules}
    got = client.ecr.get_registry_scanning_configuration()
    assert (got["registryId"], got["scanningConfiguration"]) == (client.account, put["registryScanningConfiguration"])
    client.ecr.put_registry_scanning_configuration()
    assert client.ecr.get_registry_scanning_configuration()["scanningConfiguration"] == empty


@pytest.mark.parametrize(
    ("scan_type", "rules", "said"),
    [
        ("BASIC", [("CONTINUOUS_SCAN", "*")], "scanFrequency CONTINUOUS_SCAN is not supported when scanType is BASIC"),
        ("ENHANCED", [("MANUAL", "*")], "scanFrequency MANUAL is not supported when scanType is ENHANCED"),
        ("BASIC", [("SCAN_ON_PUSH", "*a*b*c*d*")], "at most 4 wildcards"),
        ("BASIC", [("SCAN_ON_PUSH", "Upper")], "regular expression"),
        ("BASIC", [("SCAN_ON_PUSH", "*")] * 3, "'rules' failed to satisfy constraint"),
    ],
)
def test_a_wrong_configuration_is_refused_and_changes_nothing(
    client: Client, scan_type: str, rules: list[tuple[str, str]], said: str
) -> None:
    asked = [{"scanFrequency": frequency, "repositoryFilters": [wildcard(each)]} for frequency, each in rules]
    with pytest.raises(client.ecr.exceptions.InvalidParameterException) as refusal:
        client.ecr.put_registry_scanning_configuration(scanType=scan_type, rules=asked)
    assert said in refusal.value.response["Error"]["Message"]
    assert client.ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == []


@pytest.mark.honors(
    "CreateRepository.imageScanningConfiguration.scanOnPush",
    "PutImageScanningConfiguration.imageScanningConfiguration.scanOnPush",
)
def test_a_repositorys_setting_is_shown_changed_and_has_pushes_scanned(
    scanned: Scanned, client: Client, name: str
) -> None:
    other = f"{name}-on-push"
    on = {"scanOnPush": True}
    made = client.ecr.create_repository(repositoryName=other, imageScanningConfiguration=on)["repository"]
    assert made["imageScanningConfiguration"] == on
    put = client.ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration=on)
    assert (put["repositoryName"], put["imageScanningConfiguration"]) == (name, on)
    [described] = client.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert described["imageScanningConfiguration"] == on
    scanned.document(f"repositories/{name}.json", findings=[FINDING, {**FINDING, "severity": "LOW"}])
    client.push(name=name)
    client.wait(name=name)
    [detail] = client.ecr.describe_images(repositoryName=name)["imageDetails"]
    assert detail["imageScanStatus"]["status"] == "COMPLETE"
    assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"HIGH": 1, "LOW": 1}
    assert "imageScanCompletedAt" in detail["imageScanFindingsSummary"]
    client.ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={})
    [described] = client.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert described["imageScanningConfiguration"] == {"scanOnPush": False}


def test_a_batch_tells_the_frequency_of_each_repository_and_which_is_missing(client: Client, name: str) -> None:
    other = f"other/{uuid4().hex}"
    client.ecr.create_repository(repositoryName=other)
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [wildcard("team/*"), wildcard("none")]}
    client.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[rule])
    got = client.ecr.batch_get_repository_scanning_configuration(repositoryNames=[name, other, "missing"])
    first, second = got["scanningConfigurations"]
    assert first.pop("repositoryArn").endswith(f":repository/{name}")
    assert first == {
        "repositoryName": name,
        "scanOnPush": True,
        "scanFrequency": "SCAN_ON_PUSH",
        "appliedScanFilters": [wildcard("team/*")],
    }
    assert (second["scanOnPush"], second["scanFrequency"], second["appliedScanFilters"]) == (False, "MANUAL", [])
    [failure] = got["failures"]
    assert (failure["repositoryName"], failure["failureCode"]) == ("missing", "REPOSITORY_NOT_FOUND")


@pytest.mark.honors("StartImageScan.ValidationException")
def test_enhanced_findings_have_their_own_shape_and_scans_by_request_are_off(
    scanned: Scanned, client: Client, name: str
) -> None:
    details = {
        "vulnerabilityId": "CVE-1",
        "vulnerablePackages": [{"name": "requests", "version": "2.30.0", "epoch": 0}],
    }
    finding = {"title": "CVE-1", "severity": "CRITICAL", "score": 9.8, "packageVulnerabilityDetails": details}
    observed = {"firstObservedAt": "2026-11-02T00:00:00Z"}
    scanned.document(f"repositories/{name}.json", enhancedFindings=[{**finding, **observed}])
    rule = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [wildcard("team")]}
    client.ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    client.push(name=name)
    found = until(lambda: found_result(client, name))
    assert found is not None
    assert found["imageScanStatus"] == {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
    [shown] = found["imageScanFindings"]["enhancedFindings"]
    assert shown.pop("firstObservedAt").timestamp() == datetime(2026, 11, 2, tzinfo=UTC).timestamp()
    assert shown == finding
    assert "findings" not in found["imageScanFindings"]
    with pytest.raises(ClientError, match="This feature is disabled"):
        client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})


@pytest.mark.honors("DescribeImageScanFindings.maxResults", "DescribeImageScanFindings.nextToken")
def test_findings_are_paged_through_by_boto3s_own_paginator(scanned: Scanned, client: Client, name: str) -> None:
    findings = [{**FINDING, "name": f"CVE-{number}"} for number in range(5)]
    scanned.document(f"repositories/{name}.json", findings=findings)
    client.push(name=name)
    client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    client.wait(name=name)
    paginator = client.ecr.get_paginator("describe_image_scan_findings")
    pages = paginator.paginate(
        repositoryName=name, imageId={"imageTag": "1"}, PaginationConfig={"PageSize": 2}
    ).build_full_result()
    assert [each["name"] for each in pages["imageScanFindings"]["findings"]] == [each["name"] for each in findings]
    assert len(client.find(name=name, maxResults=2)["imageScanFindings"]["findings"]) == 2


@pytest.mark.honors("StartImageScan.UnsupportedImageTypeException", "StartImageScan.LimitExceededException")
def test_a_second_scan_within_a_day_and_what_is_no_image_are_refused(
    scanned: Scanned, client: Client, name: str
) -> None:
    scanned.document(f"repositories/{name}.json", findings=[])
    client.push(name=name)
    client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    with pytest.raises(client.ecr.exceptions.LimitExceededException) as refusal:
        client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    message = "The scan quota per image has been exceeded. Wait and try again."
    assert refusal.value.response["Error"]["Message"] == message
    client.push("sbom", name, config_type="application/vnd.oci.empty.v1+json")
    with pytest.raises(client.ecr.exceptions.UnsupportedImageTypeException):
        client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "sbom"})
    with pytest.raises(client.ecr.exceptions.ImageNotFoundException):
        client.ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "none"})


@pytest.mark.large
def test_scans_that_were_requested_end_after_the_server_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    served = start(tmp_path / "data", TWINPORT_SCAN_FINDINGS=str(folder))
    try:
        account = new_account()
        client = Client(served.client("ecr", account), account)
        client.ecr.create_repository(repositoryName=NAME)
        Scanned(served, folder).document(f"repositories/{NAME}.json", findings=[FINDING])
        rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [wildcard("*")]}
        client.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[rule])
        tags = [f"t{number}" for number in range(10)]
        for tag in tags:
            client.push(tag)
    finally:
        served.process.kill()
        served.process.wait()
    served = start(tmp_path / "data", TWINPORT_SCAN_FINDINGS=str(folder))
    try:
        client = Client(served.client("ecr", account), account)
        assert until(lambda: {client.find(tag)["imageScanStatus"]["status"] for tag in tags} == {"COMPLETE"})
    finally:
        served.stop()


def wildcard(pattern: str) -> dict[str, str]:
    return {"filter": pattern, "filterType": "WILDCARD"}


def found_result(client: Client, name: str) -> dict[str, Any] | None:
    try:
        found = client.find(name=name)
    except client.ecr.exceptions.ScanNotFoundException:
        return None
    return found if "imageScanFindings" in found else None
