"""Operations on scanning: the configuration of registry and repositories, scans, and their findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import image_of, name_of, own_registry, page_of, repository_of, shown_image
from twinport.model.names import RepositoryId
from twinport.model.scanning import (
    Scan,
    ScanFrequency,
    ScanningConfiguration,
    ScanningRule,
    ScanState,
    ScanType,
)
from twinport.refusals.images import RepositoryNotFound
from twinport.registry.scanning import FoundScan, ScannedRepository, Scanning

_WILDCARD = "WILDCARD"


@dataclass(frozen=True, slots=True)
class ScanningOperations:
    scanning: Scanning

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutRegistryScanningConfiguration": self.put_configuration,
            "GetRegistryScanningConfiguration": self.get_configuration,
            "PutImageScanningConfiguration": self.set_scan_on_push,
            "BatchGetRepositoryScanningConfiguration": self.of_repositories,
            "StartImageScan": self.start,
            "DescribeImageScanFindings": self.find,
        }

    async def put_configuration(
        self, call: Call, request: ecr.PutRegistryScanningConfigurationRequest
    ) -> ecr.PutRegistryScanningConfigurationResponse:
        asked = ScanningConfiguration(
            ScanType(request.get("scanType", ScanType.BASIC.value)),
            tuple(_rule(each) for each in request.get("rules", [])),
        )
        stored = await self.scanning.put_configuration(call.caller, own_registry(call), asked)
        return {"registryScanningConfiguration": _shown_configuration(stored)}

    async def get_configuration(
        self, call: Call, _: ecr.GetRegistryScanningConfigurationRequest
    ) -> ecr.GetRegistryScanningConfigurationResponse:
        registry = own_registry(call)
        configuration = await self.scanning.configuration(call.caller, registry)
        return {"registryId": registry.account, "scanningConfiguration": _shown_configuration(configuration)}

    async def set_scan_on_push(
        self, call: Call, request: ecr.PutImageScanningConfigurationRequest
    ) -> ecr.PutImageScanningConfigurationResponse:
        repository = repository_of(call, request)
        value = request["imageScanningConfiguration"].get("scanOnPush", False)
        await self.scanning.set_scan_on_push(call.caller, repository, value)
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageScanningConfiguration": {"scanOnPush": value},
        }

    async def of_repositories(
        self, call: Call, request: ecr.BatchGetRepositoryScanningConfigurationRequest
    ) -> ecr.BatchGetRepositoryScanningConfigurationResponse:
        registry, names = own_registry(call), [name_of(each) for each in request["repositoryNames"]]
        found = await self.scanning.of_repositories(call.caller, registry, names)
        return {
            "scanningConfigurations": [_shown_repository(each) for each in found.values() if each is not None],
            "failures": [_shown_failure(registry.repository(name)) for name, each in found.items() if each is None],
        }

    async def start(self, call: Call, request: ecr.StartImageScanRequest) -> ecr.StartImageScanResponse:
        repository = repository_of(call, request)
        asked = image_of(request["imageId"])
        digest = await self.scanning.start(call.caller, repository, asked)
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageId": shown_image(digest, asked.tag),
            "imageScanStatus": {"status": ScanState.IN_PROGRESS.value},
        }

    async def find(
        self, call: Call, request: ecr.DescribeImageScanFindingsRequest
    ) -> ecr.DescribeImageScanFindingsResponse:
        repository = repository_of(call, request)
        asked = image_of(request["imageId"])
        found = await self.scanning.find(call.caller, repository, asked, page_of(request))
        answer: ecr.DescribeImageScanFindingsResponse = {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageId": shown_image(found.digest, asked.tag),
            "imageScanStatus": shown_status(found.scan),
        }
        if found.findings.token is not None:
            answer["nextToken"] = found.findings.token
        if found.scan.has_result:
            answer["imageScanFindings"] = _shown_findings(found)
        return answer


def shown_status(scan: Scan) -> ecr.ImageScanStatus:
    shown: ecr.ImageScanStatus = {"status": scan.state.value}
    if scan.description is not None:
        shown["description"] = scan.description
    return shown


def shown_summary(scan: Scan) -> ecr.ImageScanFindingsSummary:
    """Show the last result of a scan, which there must be."""
    shown: ecr.ImageScanFindingsSummary = {
        "findingSeverityCounts": {severity.value: count for severity, count in scan.counts.items()}
    }
    if scan.completed_at is not None:
        shown["imageScanCompletedAt"] = scan.completed_at
    if scan.source_updated_at is not None:
        shown["vulnerabilitySourceUpdatedAt"] = scan.source_updated_at
    return shown


def _shown_findings(found: FoundScan) -> ecr.ImageScanFindings:
    # The scanner has made the entries in the form of the model, and times as they are sent.
    entries = cast("Any", list(found.findings.items))
    summary = shown_summary(found.scan)
    shown = cast("ecr.ImageScanFindings", dict(summary))
    shown["findings" if found.scan_type is ScanType.BASIC else "enhancedFindings"] = entries
    return shown


def _rule(given: ecr.RegistryScanningRule) -> ScanningRule:
    filters = tuple(each["filter"] for each in given["repositoryFilters"])
    return ScanningRule(ScanFrequency(given["scanFrequency"]), filters)


def _shown_configuration(configuration: ScanningConfiguration) -> ecr.RegistryScanningConfiguration:
    return {
        "scanType": configuration.scan_type.value,
        "rules": [
            {"scanFrequency": rule.frequency.value, "repositoryFilters": _shown_filters(rule.filters)}
            for rule in configuration.rules
        ],
    }


def _shown_filters(filters: Sequence[str]) -> list[ecr.ScanningRepositoryFilter]:
    return [{"filter": each, "filterType": _WILDCARD} for each in filters]


def _shown_repository(found: ScannedRepository) -> ecr.RepositoryScanningConfiguration:
    return {
        "repositoryArn": found.repository.arn,
        "repositoryName": found.repository.name,
        "scanOnPush": found.scanning.is_on_push,
        "scanFrequency": found.scanning.frequency.value,
        "appliedScanFilters": _shown_filters(found.scanning.filters),
    }


def _shown_failure(repository: RepositoryId) -> ecr.RepositoryScanningConfigurationFailure:
    return {
        "repositoryName": repository.name,
        "failureCode": "REPOSITORY_NOT_FOUND",
        "failureReason": RepositoryNotFound(repository.name, repository.account).message,
    }
