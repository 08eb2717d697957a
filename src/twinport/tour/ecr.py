"""The tour's client of the Amazon ECR API: signed JSON over HTTP, as any SDK sends it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import aiohttp

from twinport.aws import json11, sigv4
from twinport.aws.sigv4 import Credentials, Message
from twinport.aws.types.ecr import (
    DescribeImageReplicationStatusResponse,
    DescribeRegistryResponse,
    GetAuthorizationTokenResponse,
    GetRegistryPolicyResponse,
    ListImagesResponse,
    ReplicationRule,
)
from twinport.clock import WallClock
from twinport.errors import Refusal
from twinport.model.names import AccountId, RegionName, Registry
from twinport.tour.itinerary import Policy

TARGET = "AmazonEC2ContainerRegistry_V20150921"
OPEN_SECRET = "test"  # noqa: S105 — the secret of every open account


class EcrRefused(Refusal):
    """The API answered with an error."""

    def __init__(self, operation: str, code: str, said: str) -> None:
        super().__init__(f"{operation} was refused with {code}: {said}")
        self.code = code


@dataclass(frozen=True, slots=True)
class EcrClient:
    """A client of one registry's API, with the credentials of the root of the registry's open account."""

    http: aiohttp.ClientSession
    url: str
    registry: Registry

    async def token(self) -> str:
        answer = cast("GetAuthorizationTokenResponse", await self._ask("GetAuthorizationToken", {}))
        return answer["authorizationData"][0]["authorizationToken"]

    async def ensure_repository(self, name: str) -> None:
        """Create the repository unless it exists."""
        try:
            await self._ask("CreateRepository", {"repositoryName": name})
        except EcrRefused as refused:
            if refused.code != "RepositoryAlreadyExistsException":
                raise

    async def tags(self, repository: str) -> list[str]:
        facts = {"repositoryName": repository, "filter": {"tagStatus": "TAGGED"}, "maxResults": 1000}
        answer = cast("ListImagesResponse", await self._ask("ListImages", facts))
        return [image["imageTag"] for image in answer["imageIds"]]

    async def registry_policy(self) -> Policy | None:
        try:
            answer = cast("GetRegistryPolicyResponse", await self._ask("GetRegistryPolicy", {}))
        except EcrRefused as refused:
            if refused.code != "RegistryPolicyNotFoundException":
                raise
            return None
        policy: Policy = json.loads(answer["policyText"])
        return policy

    async def put_registry_policy(self, policy: Policy) -> None:
        await self._ask("PutRegistryPolicy", {"policyText": json.dumps(policy)})

    async def replication_rules(self) -> list[ReplicationRule]:
        answer = cast("DescribeRegistryResponse", await self._ask("DescribeRegistry", {}))
        return answer["replicationConfiguration"]["rules"]

    async def put_replication_rules(self, rules: list[ReplicationRule]) -> None:
        await self._ask("PutReplicationConfiguration", {"replicationConfiguration": {"rules": rules}})

    async def copies(self, repository: str, tag: str) -> dict[Registry, tuple[str, str]]:
        """Return each copy's status and, for a failed copy, the failure's code."""
        facts = {"repositoryName": repository, "imageId": {"imageTag": tag}}
        answer = await self._ask("DescribeImageReplicationStatus", facts)
        return {
            Registry(AccountId(copy["registryId"]), RegionName(copy["region"])): (
                copy["status"],
                copy.get("failureCode", ""),
            )
            for copy in cast("DescribeImageReplicationStatusResponse", answer)["replicationStatuses"]
        }

    async def _ask(self, operation: str, facts: Mapping[str, object]) -> Mapping[str, object]:
        body = json.dumps(facts).encode()
        async with self.http.post(f"{self.url}/", data=body, headers=self._signed(operation, body)) as answer:
            said = json.loads(await answer.read())
        if answer.status != HTTPStatus.OK:
            raise EcrRefused(operation, said.get("__type", f"status {answer.status}"), said.get("message", ""))
        return cast("Mapping[str, object]", said)

    def _signed(self, operation: str, body: bytes) -> dict[str, str]:
        """Return the headers of a signed request for an operation."""
        headers = {
            "host": urlsplit(self.url).netloc,
            "content-type": json11.CONTENT_TYPE,
            "x-amz-target": f"{TARGET}.{operation}",
        }
        signature = sigv4.sign(
            Message("POST", "/", "", tuple(headers.items())),
            Credentials(self.registry.account, OPEN_SECRET),
            region=self.registry.region,
            service="ecr",
            now=WallClock().now(),
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        return headers | signature
