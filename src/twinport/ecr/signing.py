"""Operations of managed signing."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import image_of, own_registry, repository_of
from twinport.model.signing import SigningConfiguration, SigningRule
from twinport.registry.signing import FAILURE_CODE, FAILURE_REASON, Signing


@dataclass(frozen=True, slots=True)
class SigningOperations:
    signing: Signing

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutSigningConfiguration": self.put,
            "GetSigningConfiguration": self.get,
            "DeleteSigningConfiguration": self.delete,
            "DescribeImageSigningStatus": self.status,
        }

    async def put(self, call: Call, request: ecr.PutSigningConfigurationRequest) -> ecr.PutSigningConfigurationResponse:
        given = request["signingConfiguration"]
        rules = SigningConfiguration(tuple(_rule(each) for each in given["rules"]))
        await self.signing.put(call.caller, own_registry(call), rules)
        return {"signingConfiguration": _shown(rules)}

    async def get(self, call: Call, _: ecr.GetSigningConfigurationRequest) -> ecr.GetSigningConfigurationResponse:
        registry = own_registry(call)
        rules = await self.signing.get(call.caller, registry)
        return {"registryId": registry.account, "signingConfiguration": _shown(rules)}

    async def delete(
        self, call: Call, _: ecr.DeleteSigningConfigurationRequest
    ) -> ecr.DeleteSigningConfigurationResponse:
        registry = own_registry(call)
        rules = await self.signing.delete(call.caller, registry)
        return {"registryId": registry.account, "signingConfiguration": _shown(rules)}

    async def status(
        self, call: Call, request: ecr.DescribeImageSigningStatusRequest
    ) -> ecr.DescribeImageSigningStatusResponse:
        repository = repository_of(call, request)
        asked = image_of(request["imageId"])
        found = await self.signing.status(call.caller, repository, asked)
        image: ecr.ImageIdentifier = {"imageDigest": str(found.digest)}
        if asked.tag is not None:
            image["imageTag"] = asked.tag
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageId": image,
            "signingStatuses": [_failed(profile) for profile in found.profiles],
        }


def _rule(given: ecr.SigningRule) -> SigningRule:
    return SigningRule(given["signingProfileArn"], tuple(each["filter"] for each in given.get("repositoryFilters", [])))


def _shown(rules: SigningConfiguration) -> ecr.SigningConfiguration:
    return {"rules": [_shown_rule(rule) for rule in rules.rules]}


def _shown_rule(rule: SigningRule) -> ecr.SigningRule:
    shown: ecr.SigningRule = {"signingProfileArn": rule.profile}
    if rule.filters:
        shown["repositoryFilters"] = [{"filter": each, "filterType": "WILDCARD_MATCH"} for each in rule.filters]
    return shown


def _failed(profile: str) -> ecr.ImageSigningStatus:
    return {
        "signingProfileArn": profile,
        "status": "FAILED",
        "failureCode": FAILURE_CODE,
        "failureReason": FAILURE_REASON,
    }
