"""Operations on the account as a whole: its alias, its summary, its session tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, paged_whole
from twinport.identities.account_facts import AccountFacts
from twinport.refusals.requests import NotBuiltYet


@dataclass(frozen=True, slots=True)
class AccountOperations:
    account: AccountFacts

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateAccountAlias": self.create_alias,
            "ListAccountAliases": self.list_aliases,
            "DeleteAccountAlias": self.delete_alias,
            "GetAccountSummary": self.summarize,
            "SetSecurityTokenServicePreferences": self.set_token_version,
        }

    async def create_alias(self, call: Call, request: iam.CreateAccountAliasRequest) -> None:
        await self.account.set_alias(call.caller, request["AccountAlias"])

    async def list_aliases(self, call: Call, request: iam.ListAccountAliasesRequest) -> iam.ListAccountAliasesResponse:
        page = page_of(request)
        alias = await self.account.alias(call.caller)
        items, paging = paged_whole([] if alias is None else [alias], page, str)
        return {"AccountAliases": list(items), **paging}

    async def delete_alias(self, call: Call, request: iam.DeleteAccountAliasRequest) -> None:
        await self.account.remove_alias(call.caller, request["AccountAlias"])

    async def summarize(self, call: Call, _: Mapping[str, object]) -> iam.GetAccountSummaryResponse:
        return {"SummaryMap": dict(await self.account.summary(call.caller))}

    async def set_token_version(self, call: Call, request: iam.SetSecurityTokenServicePreferencesRequest) -> None:
        """Accept version 2: all tokens are valid in every Region. Refuse version 1, which would restrict them."""
        await self.account.allow_tokens_everywhere(call.caller)
        if request["GlobalEndpointTokenVersion"] != "v2Token":
            raise NotBuiltYet("GlobalEndpointTokenVersion v1Token")
