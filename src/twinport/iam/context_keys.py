"""Operations that list the condition keys in policies."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.identities.context_lookup import ContextLookup


@dataclass(frozen=True, slots=True)
class ContextKeyOperations:
    lookup: ContextLookup

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "GetContextKeysForCustomPolicy": self.of_documents,
            "GetContextKeysForPrincipalPolicy": self.of_entity,
        }

    async def of_documents(
        self, call: Call, request: iam.GetContextKeysForCustomPolicyRequest
    ) -> iam.GetContextKeysForPolicyResponse:
        return {"ContextKeyNames": await self.lookup.of_documents(call.caller, request["PolicyInputList"])}

    async def of_entity(
        self, call: Call, request: iam.GetContextKeysForPrincipalPolicyRequest
    ) -> iam.GetContextKeysForPolicyResponse:
        documents = request.get("PolicyInputList", [])
        return {"ContextKeyNames": await self.lookup.of_entity(call.caller, request["PolicySourceArn"], documents)}
