"""Refusals about the caller's identity: signatures, tokens, sessions, forms and presigned addresses."""

from twinport.errors import BadRequest, NotAuthenticated, Refusal, Unavailable


class CredentialsMissing(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("Missing Authentication Token")


class CredentialsUnknown(NotAuthenticated):
    """No active access key or session has this id, or this server did not issue the session token."""

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class SessionExpired(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("The security token included in the request is expired")


class SignatureIncomplete(NotAuthenticated):
    """The signature's own fields are missing, duplicated, or not what the algorithm requires."""


class SignatureMismatch(NotAuthenticated):
    """The signature does not cover this request, this service or this Region with the caller's secret."""

    def __init__(
        self,
        why: str = "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
    ) -> None:
        super().__init__(why)


class SignatureExpired(NotAuthenticated):
    """Signed too long ago. Clients read the times in the sentence to correct their own clock."""

    def __init__(self, signed_at: str, earliest: str, now: str, margin: str) -> None:
        super().__init__(f"Signature expired: {signed_at} is now earlier than {earliest} ({now} - {margin}.)")


class SignatureNotYetCurrent(NotAuthenticated):
    """Signed in the future. Clients read the times in the sentence to correct their own clock."""

    def __init__(self, signed_at: str, latest: str, now: str, margin: str) -> None:
        super().__init__(f"Signature not yet current: {signed_at} is still later than {latest} ({now} + {margin}.)")


class SignInRefused(NotAuthenticated):
    """Key or name, and secret or password, do not belong together. The message does not say which is wrong."""

    def __init__(self) -> None:
        super().__init__("no active key or user matches; check both values, and try again")


class SignedOut(NotAuthenticated):
    """No session of the console belongs to this cookie: it ended, or never existed."""

    def __init__(self) -> None:
        super().__init__("your session has ended; sign in again")


class RegistryTokenMissing(NotAuthenticated):
    """A `/v2/` request came without credentials."""

    def __init__(self) -> None:
        super().__init__("Not Authorized")


class RegistryTokenExpired(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("Your authorization token has expired. Reauthenticate and try again.")


class RegistryTokenInvalid(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("Your authorization token is invalid. Reauthenticate and try again.")


class OriginRefused(Refusal):
    """The request came from a browser page of another origin, or for a host name that is not ours."""


class HostUnclear(BadRequest):
    """A request names no host or several, and must name exactly one."""

    def __init__(self, count: int) -> None:
        said = f"{count} Host headers" if count else "no Host header"
        super().__init__(f"the request has {said}, and exactly one is needed")


class DownloadExpired(Refusal):
    """A presigned layer address was used after its time."""

    def __init__(self) -> None:
        super().__init__("Request has expired")


class FormForged(Refusal):
    """A form of the console came without its token, or with another user's."""

    def __init__(self) -> None:
        super().__init__("this form was not made for your session, so nothing was changed; open the page again")


class DownloadForged(Refusal):
    """A presigned layer address was altered, or this server did not issue it."""

    def __init__(self) -> None:
        super().__init__("the address of this layer was altered or was not signed here; ask for a new one")


class NotConfirmed(BadRequest):
    """A destructive form came without the name that confirms it."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"type '{expected}' to confirm; nothing was changed")


class TooManyAttempts(Unavailable):
    """One network sent wrong secrets repeatedly for one user or key."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many failed attempts to sign in; wait {seconds} s and try again")
        self.seconds = seconds
