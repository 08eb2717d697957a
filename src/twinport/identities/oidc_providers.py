"""Providers of OpenID Connect: create, read, list, update, tag, delete."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from twinport.access.gate import NO_CONTEXT, Context
from twinport.catalog.partition import entities as rows
from twinport.catalog.partition import oidc_providers
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.errors import LimitReached
from twinport.identities.entities import Entities, check_tags, tag_context
from twinport.identities.rules import oidc_providers as rules
from twinport.identities.rules import shared
from twinport.model.entities import Tag
from twinport.model.identities import Caller
from twinport.model.names import PARTITION
from twinport.model.oidc import OidcProvider, provider_arn
from twinport.refusals.identities import InvalidInput
from twinport.refusals.oidc import OidcArnInvalid, OidcUrlInvalid, TooManyClientIds

CLIENT_IDS = 100
THUMBPRINTS = 5
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
_URL = re.compile(rf"https://{_HOST}(/[\w.~!$&'()+,;=:@%-]+)*/?", re.ASCII)
_ARN = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):oidc-provider/[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to create. `url` is as the client sent it."""

    url: str
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class OidcProviders:
    catalog: Catalog
    entities: Entities
    world: Clock

    async def create(self, caller: Caller, new: NewProvider) -> OidcProvider:
        """Create a provider. Fetches nothing from it.

        Raises OidcUrlInvalid, OidcProviderExists, LimitReached, TooManyClientIds, InvalidInput.
        """
        url = _url(new.url)
        arn = provider_arn(caller.account, url)
        await self.entities.ask_of(caller, "iam:CreateOpenIDConnectProvider", arn, tag_context(new.tags))
        check_tags(new.tags)
        made = OidcProvider(
            account=caller.account,
            url=url,
            client_ids=_client_ids(new.client_ids),
            thumbprints=_thumbprints(new.thumbprints),
            created_at=self.world.now(),
            tags=new.tags,
        )
        await self.catalog.partition.write(lambda db: rules.add(db, made))
        return made

    async def get(self, caller: Caller, arn: str) -> OidcProvider:
        """Return a provider. Raises OidcArnInvalid, OidcProviderNotFound."""
        await self._ask(caller, "iam:GetOpenIDConnectProvider", arn)
        return await self.catalog.partition.read(lambda db: rules.get(db, arn))

    async def list(self, caller: Caller) -> list[str]:
        """List the ARNs of the caller's providers, in their order."""
        await self.entities.ask_of(caller, "iam:ListOpenIDConnectProviders", provider_arn(caller.account, "*"))
        return await self.catalog.partition.read(lambda db: oidc_providers.arns(db, caller.account))

    async def delete(self, caller: Caller, arn: str) -> None:
        """Delete a provider; roles that trust it stay. Raises OidcArnInvalid, OidcProviderNotFound."""
        await self._ask(caller, "iam:DeleteOpenIDConnectProvider", arn)

        def remove(db: Connection) -> None:
            rules.get(db, arn)
            oidc_providers.remove(db, arn)

        await self.catalog.partition.write(remove)

    async def add_client_id(self, caller: Caller, arn: str, client_id: str) -> None:
        """Add an audience. An existing one stays. Raises OidcProviderNotFound, TooManyClientIds."""
        await self._ask(caller, "iam:AddClientIDToOpenIDConnectProvider", arn)
        await self._change(
            arn, lambda it: replace(it, client_ids=_client_ids(tuple(dict.fromkeys((*it.client_ids, client_id)))))
        )

    async def remove_client_id(self, caller: Caller, arn: str, client_id: str) -> None:
        """Remove an audience. An audience that does not exist is no error. Raises OidcProviderNotFound."""
        await self._ask(caller, "iam:RemoveClientIDFromOpenIDConnectProvider", arn)
        await self._change(
            arn, lambda it: replace(it, client_ids=tuple(each for each in it.client_ids if each != client_id))
        )

    async def set_thumbprints(self, caller: Caller, arn: str, thumbprints: tuple[str, ...]) -> None:
        """Replace the thumbprints. Raises OidcProviderNotFound, InvalidInput, LimitReached."""
        await self._ask(caller, "iam:UpdateOpenIDConnectProviderThumbprint", arn)
        await self._change(arn, lambda it: replace(it, thumbprints=_thumbprints(thumbprints)))

    async def tag(self, caller: Caller, arn: str, tags: Sequence[Tag]) -> None:
        """Add tags, replacing those of the same keys. Raises OidcProviderNotFound, InvalidInput, LimitReached."""
        await self._ask(caller, "iam:TagOpenIDConnectProvider", arn, tag_context(tags))
        check_tags(tags)
        await self.catalog.partition.write(lambda db: shared.put_tags(db, rules.get(db, arn).arn, tags))

    async def untag(self, caller: Caller, arn: str, keys: Sequence[str]) -> None:
        """Remove tags. A key that does not exist is no error. Raises OidcProviderNotFound."""
        await self._ask(caller, "iam:UntagOpenIDConnectProvider", arn, {"aws:TagKeys": tuple(keys)})
        await self.catalog.partition.write(lambda db: rows.remove_tags(db, rules.get(db, arn).arn, keys))

    async def tags(self, caller: Caller, arn: str) -> tuple[Tag, ...]:
        """Return all tags, fifty at most, in the order of their keys. Raises OidcProviderNotFound."""
        await self._ask(caller, "iam:ListOpenIDConnectProviderTags", arn)
        return (await self.catalog.partition.read(lambda db: rules.get(db, arn))).tags

    async def _ask(self, caller: Caller, action: str, arn: str, context: Context = NO_CONTEXT) -> None:
        """Ask the gate about a provider of the caller's account. Then raises OidcArnInvalid for any other ARN."""
        await self.entities.ask_of(caller, action, arn, context)
        found = _ARN.fullmatch(arn)
        if found is None or found[1] != caller.account:
            raise OidcArnInvalid(arn)

    async def _change(self, arn: str, change: Callable[[OidcProvider], OidcProvider]) -> None:
        def store(db: Connection) -> None:
            changed = change(rules.get(db, arn))
            oidc_providers.set_lists(db, arn, changed.client_ids, changed.thumbprints)

        await self.catalog.partition.write(store)


def _url(text: str) -> str:
    """Return an issuer's address without its scheme and without a slash at its end. Raises OidcUrlInvalid."""
    if not _URL.fullmatch(text):
        raise OidcUrlInvalid
    host = urlsplit(text).netloc
    return text.removeprefix("https://").rstrip("/").replace(host, host.lower(), 1)


def _client_ids(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(given) > CLIENT_IDS:
        raise TooManyClientIds(CLIENT_IDS)
    return given


def _thumbprints(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(given) > THUMBPRINTS:
        raise LimitReached("Thumbprint list must contain fewer than 5 entries.")
    for each in given:
        if not re.fullmatch("[0-9A-Fa-f]{40}", each):
            raise InvalidInput(f"'{each}' is not a thumbprint: 40 hexadecimal digits are needed")
    return given
