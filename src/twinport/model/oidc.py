"""Providers of OpenID Connect: identity providers outside IAM."""

from dataclasses import dataclass
from datetime import datetime

from twinport.model.entities import Tag
from twinport.model.names import PARTITION, AccountId


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An issuer that an account trusts. `url` is without `https://`, as IAM shows it.

    `client_ids` are the accepted audiences of its tokens. `thumbprints` are stored and shown, and not used.
    """

    account: AccountId
    url: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created_at: datetime
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.url)

    @property
    def issuer(self) -> str:
        return f"https://{self.url}"


def provider_arn(account: str, url: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:oidc-provider/{url}"
