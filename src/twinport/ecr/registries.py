"""Operations on a registry: its policy, its replication, and an image's replication status."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import image_of, own_registry, repository_of, shown_image
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.replication import DeliveryReport, DeliveryState, ReplicationConfiguration, ReplicationRule
from twinport.registry.policies import RegistryPolicies
from twinport.registry.replication import Replication


@dataclass(frozen=True, slots=True)
class RegistryOperations:
    policies: RegistryPolicies
    replication: Replication

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutRegistryPolicy": self.put_policy,
            "GetRegistryPolicy": self.get_policy,
            "DeleteRegistryPolicy": self.delete_policy,
            "PutReplicationConfiguration": self.put_replication,
            "DescribeRegistry": self.describe,
            "DescribeImageReplicationStatus": self.status,
        }

    async def put_policy(self, call: Call, request: ecr.PutRegistryPolicyRequest) -> ecr.PutRegistryPolicyResponse:
        registry = own_registry(call)
        text = await self.policies.put(call.caller, registry, request["policyText"])
        return {"registryId": registry.account, "policyText": text}

    async def get_policy(self, call: Call, _: ecr.GetRegistryPolicyRequest) -> ecr.GetRegistryPolicyResponse:
        registry = own_registry(call)
        return {"registryId": registry.account, "policyText": await self.policies.get(call.caller, registry)}

    async def delete_policy(self, call: Call, _: ecr.DeleteRegistryPolicyRequest) -> ecr.DeleteRegistryPolicyResponse:
        registry = own_registry(call)
        return {"registryId": registry.account, "policyText": await self.policies.delete(call.caller, registry)}

    async def put_replication(
        self, call: Call, request: ecr.PutReplicationConfigurationRequest
    ) -> ecr.PutReplicationConfigurationResponse:
        configuration = _configuration(request["replicationConfiguration"])
        await self.replication.put(call.caller, own_registry(call), configuration)
        return {"replicationConfiguration": _shown_configuration(configuration)}

    async def describe(self, call: Call, _: ecr.DescribeRegistryRequest) -> ecr.DescribeRegistryResponse:
        registry = own_registry(call)
        configuration = await self.replication.describe(call.caller, registry)
        return {"registryId": registry.account, "replicationConfiguration": _shown_configuration(configuration)}

    async def status(
        self, call: Call, request: ecr.DescribeImageReplicationStatusRequest
    ) -> ecr.DescribeImageReplicationStatusResponse:
        repository = repository_of(call, request)
        asked = image_of(request["imageId"])
        copies = await self.replication.status(call.caller, repository, asked)
        image = shown_image(copies.digest, asked.tag)
        statuses = [_shown_report(report) for report in copies.reports]
        return {"repositoryName": repository.name, "imageId": image, "replicationStatuses": statuses}


def _configuration(given: ecr.ReplicationConfiguration) -> ReplicationConfiguration:
    return ReplicationConfiguration(tuple(_rule(rule) for rule in given["rules"]))


def _rule(given: ecr.ReplicationRule) -> ReplicationRule:
    deletions = given.get("deleteReplication")
    return ReplicationRule(
        destinations=tuple(
            Registry(AccountId(place["registryId"]), RegionName(place["region"])) for place in given["destinations"]
        ),
        prefixes=tuple(each["filter"] for each in given.get("repositoryFilters", [])),
        deletions=deletions["enabled"] if deletions else None,
    )


def _shown_configuration(configuration: ReplicationConfiguration) -> ecr.ReplicationConfiguration:
    return {"rules": [_shown_rule(rule) for rule in configuration.rules]}


def _shown_rule(rule: ReplicationRule) -> ecr.ReplicationRule:
    shown: ecr.ReplicationRule = {
        "destinations": [{"region": place.region, "registryId": place.account} for place in rule.destinations]
    }
    if rule.prefixes:
        shown["repositoryFilters"] = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in rule.prefixes]
    if rule.deletions is not None:
        shown["deleteReplication"] = {"enabled": rule.deletions}
    return shown


def _shown_report(report: DeliveryReport) -> ecr.ImageReplicationStatus:
    shown: ecr.ImageReplicationStatus = {
        "region": report.destination.region,
        "registryId": report.destination.account,
        "status": report.state.ecr,
    }
    if report.state is DeliveryState.FAILED and report.failure_code is not None:
        shown["failureCode"] = report.failure_code.value
    return shown
