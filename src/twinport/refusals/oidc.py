"""Refusals about providers of OpenID Connect and their tokens."""

from twinport.errors import BadRequest, LimitReached, NotFound, Refusal
from twinport.refusals.identities import EntityExists


class OidcProviderNotFound(NotFound):
    def __init__(self, arn: str) -> None:
        super().__init__(f"OpenIDConnect Provider not found for arn {arn}")


class OidcProviderExists(EntityExists):
    def __init__(self, url: str) -> None:
        Refusal.__init__(self, f"Provider with url {url} already exists.")


class OidcUrlInvalid(BadRequest):
    """The given text is not the address of an issuer (ValidationError)."""

    def __init__(self) -> None:
        super().__init__("Invalid Open ID Connect Provider URL")


class OidcArnInvalid(BadRequest):
    """The given text is not the ARN of a provider of the caller's account (ValidationError)."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Invalid ARN: {arn}")


class TooManyClientIds(LimitReached):
    def __init__(self, most: int) -> None:
        super().__init__(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {most}")


class TokenInvalid(BadRequest):
    """A token that is not valid (InvalidIdentityToken). The sentences are AWS's where they are known."""


class TokenMalformed(TokenInvalid):
    def __init__(self) -> None:
        super().__init__(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        )


class IssuerUnknown(TokenInvalid):
    def __init__(self, issuer: str) -> None:
        super().__init__(f"No OpenIDConnect provider found in your account for {issuer[:255]}")


class AudienceWrong(TokenInvalid):
    def __init__(self) -> None:
        super().__init__("Incorrect token audience")


class KeyNotRetrieved(TokenInvalid):
    """The issuer answered, but without a key for this token. The two blanks are AWS's."""

    def __init__(self) -> None:
        super().__init__(
            "Couldn't retrieve verification key from your identity provider,  please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        )


class TokenSignatureWrong(TokenInvalid):
    def __init__(self) -> None:
        super().__init__("The signature of the provided token is not valid")


class ClaimMissing(TokenInvalid):
    def __init__(self, claim: str) -> None:
        super().__init__(f"Missing a required claim: {claim}")


class TokenNotYetValid(TokenInvalid):
    def __init__(self, claim: str) -> None:
        super().__init__(f"The provided token is not valid yet: its claim '{claim}' lies in the future")


class TokenExpired(BadRequest):
    """AWS's sentence (ExpiredTokenException)."""

    def __init__(self, now: int, expired: int) -> None:
        super().__init__(f"Token expired: current date/time {now} must be before the expiration date/time {expired}")


class IssuerUnreachable(BadRequest):
    """The issuer's keys could not be fetched now (IDPCommunicationError). Only the log has the reason."""

    def __init__(self, issuer: str) -> None:
        super().__init__(f"the identity provider '{issuer[:255]}' could not be reached; try again")


class WebIdentityDenied(Refusal):
    """The role does not exist, or its trust policy does not let this token in (AccessDenied)."""

    def __init__(self, action: str) -> None:
        super().__init__(f"Not authorized to perform {action}")
