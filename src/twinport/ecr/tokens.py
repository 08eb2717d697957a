"""The operation that issues docker's login token."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import registry_of
from twinport.model.addresses import proxy_endpoint
from twinport.registry.authorization import Authorization


@dataclass(frozen=True, slots=True)
class TokenOperations:
    authorization: Authorization
    public_url: str | None

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"GetAuthorizationToken": self.issue}

    async def issue(self, call: Call, request: ecr.GetAuthorizationTokenRequest) -> ecr.GetAuthorizationTokenResponse:
        """Answer with one entry for each registry in `registryIds`, a member that AWS keeps for old clients."""
        issued = await self.authorization.issue(call.caller)
        token = b64encode(f"AWS:{issued.password}".encode()).decode()
        registries = [registry_of(call, registry_id) for registry_id in request.get("registryIds", [None])]
        return {
            "authorizationData": [
                {
                    "authorizationToken": token,
                    "expiresAt": issued.expires_at,
                    "proxyEndpoint": proxy_endpoint(registry, call.host, self.public_url, call.scheme),
                }
                for registry in registries
            ]
        }
