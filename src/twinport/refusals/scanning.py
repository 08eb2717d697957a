"""Refusals about scans of images."""

from twinport.errors import BadRequest, Conflict, LimitReached, NotFound, Refusal


def _identifier(digest: str | None, tag: str | None) -> str:
    return f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"


class ScanNotFound(NotFound):
    """The image was never scanned by the registry's type of scans (ScanNotFoundException)."""

    def __init__(self, digest: str | None, tag: str | None, name: str, account: str) -> None:
        super().__init__(
            f"Image scan does not exist for the image with '{_identifier(digest, tag)}' in the repository with name "
            f"'{name}' in the registry with id '{account}'"
        )


class ScanQuotaExceeded(LimitReached):
    """The image was scanned less than 24 hours ago."""

    def __init__(self) -> None:
        super().__init__("The scan quota per image has been exceeded. Wait and try again.")


class ImageTypeUnsupported(Conflict):
    """An index or an artifact, which is no image with packages (UnsupportedImageTypeException)."""

    def __init__(self, digest: str | None, tag: str | None, name: str, account: str) -> None:
        super().__init__(
            f"The image with imageId {_identifier(digest, tag)} in the repository with name '{name}' in the registry "
            f"with id '{account}' is of a type that cannot be scanned"
        )


class ScanFeatureDisabled(BadRequest):
    """A registry with enhanced scans starts none by request."""

    def __init__(self) -> None:
        super().__init__("This feature is disabled")


class ScanImpossible(Refusal):
    """The scanner cannot tell anything about an image. The scan fails with this reason."""
