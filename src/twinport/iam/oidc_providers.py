"""Operations on providers of OpenID Connect."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, shown_tags, tag_page, tags_of
from twinport.identities.oidc_providers import NewProvider, OidcProviders


@dataclass(frozen=True, slots=True)
class OidcProviderOperations:
    providers: OidcProviders

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateOpenIDConnectProvider": self.create,
            "GetOpenIDConnectProvider": self.get,
            "ListOpenIDConnectProviders": self.list,
            "DeleteOpenIDConnectProvider": self.delete,
            "AddClientIDToOpenIDConnectProvider": self.add_client_id,
            "RemoveClientIDFromOpenIDConnectProvider": self.remove_client_id,
            "UpdateOpenIDConnectProviderThumbprint": self.set_thumbprints,
            "TagOpenIDConnectProvider": self.tag,
            "UntagOpenIDConnectProvider": self.untag,
            "ListOpenIDConnectProviderTags": self.list_tags,
        }

    async def create(
        self, call: Call, request: iam.CreateOpenIDConnectProviderRequest
    ) -> iam.CreateOpenIDConnectProviderResponse:
        new = NewProvider(
            url=request["Url"],
            client_ids=tuple(request.get("ClientIDList", ())),
            thumbprints=tuple(request.get("ThumbprintList", ())),
            tags=tags_of(request.get("Tags", ())),
        )
        made = await self.providers.create(call.caller, new)
        answer: iam.CreateOpenIDConnectProviderResponse = {"OpenIDConnectProviderArn": made.arn}
        if made.tags:
            answer["Tags"] = shown_tags(made.tags)
        return answer

    async def get(
        self, call: Call, request: iam.GetOpenIDConnectProviderRequest
    ) -> iam.GetOpenIDConnectProviderResponse:
        found = await self.providers.get(call.caller, request["OpenIDConnectProviderArn"])
        return {
            "Url": found.url,
            "ClientIDList": list(found.client_ids),
            "ThumbprintList": list(found.thumbprints),
            "CreateDate": found.created_at,
            "Tags": shown_tags(found.tags),
        }

    async def list(
        self, call: Call, _: iam.ListOpenIDConnectProvidersRequest
    ) -> iam.ListOpenIDConnectProvidersResponse:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in await self.providers.list(call.caller)]}

    async def delete(self, call: Call, request: iam.DeleteOpenIDConnectProviderRequest) -> None:
        await self.providers.delete(call.caller, request["OpenIDConnectProviderArn"])

    async def add_client_id(self, call: Call, request: iam.AddClientIDToOpenIDConnectProviderRequest) -> None:
        await self.providers.add_client_id(call.caller, request["OpenIDConnectProviderArn"], request["ClientID"])

    async def remove_client_id(self, call: Call, request: iam.RemoveClientIDFromOpenIDConnectProviderRequest) -> None:
        await self.providers.remove_client_id(call.caller, request["OpenIDConnectProviderArn"], request["ClientID"])

    async def set_thumbprints(self, call: Call, request: iam.UpdateOpenIDConnectProviderThumbprintRequest) -> None:
        thumbprints = tuple(request["ThumbprintList"])
        await self.providers.set_thumbprints(call.caller, request["OpenIDConnectProviderArn"], thumbprints)

    async def tag(self, call: Call, request: iam.TagOpenIDConnectProviderRequest) -> None:
        await self.providers.tag(call.caller, request["OpenIDConnectProviderArn"], tags_of(request["Tags"]))

    async def untag(self, call: Call, request: iam.UntagOpenIDConnectProviderRequest) -> None:
        await self.providers.untag(call.caller, request["OpenIDConnectProviderArn"], request["TagKeys"])

    async def list_tags(
        self, call: Call, request: iam.ListOpenIDConnectProviderTagsRequest
    ) -> iam.ListOpenIDConnectProviderTagsResponse:
        page = page_of(request)
        tags = await self.providers.tags(call.caller, request["OpenIDConnectProviderArn"])
        return tag_page(tags, page, lambda tag: tag.key)
