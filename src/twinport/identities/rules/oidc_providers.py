"""Rules of providers of OpenID Connect."""

from twinport.catalog.partition import oidc_providers
from twinport.catalog.ports import Connection
from twinport.identities.rules.shared import require_few_tags, require_quota
from twinport.model.oidc import OidcProvider
from twinport.refusals.oidc import OidcProviderExists, OidcProviderNotFound

PROVIDERS_PER_ACCOUNT = 100


def get(db: Connection, arn: str) -> OidcProvider:
    """Return a provider with its tags. Raises OidcProviderNotFound."""
    found = oidc_providers.find(db, arn)
    if found is None:
        raise OidcProviderNotFound(arn)
    return found


def add(db: Connection, provider: OidcProvider) -> None:
    """Store a new provider with its tags. Raises OidcProviderExists, or LimitReached when there are too many."""
    if oidc_providers.find(db, provider.arn) is not None:
        raise OidcProviderExists(provider.issuer)
    present = oidc_providers.count(db, provider.account)
    require_quota(present, "OpenIDConnectProvidersPerAccount", PROVIDERS_PER_ACCOUNT)
    oidc_providers.insert_provider(db, provider)
    require_few_tags(db, provider.arn)
