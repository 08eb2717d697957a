"""Refusals about repositories, images, layers and uploads."""

from collections.abc import Sequence

from twinport.errors import BadContent, BadRequest, Conflict, LimitReached, NotFound, Refusal, Unavailable
from twinport.refusals.requests import InvalidParameter

_MOST_NAMED = 100


class ManifestInvalid(InvalidParameter):
    """The manifest does not follow the image specifications."""

    def __init__(self, constraint: str) -> None:
        super().__init__("ImageManifest", constraint)


class ManifestTooLarge(ManifestInvalid):
    def __init__(self, limit: int) -> None:
        super().__init__(f"Member must have length less than or equal to {limit}")


class ManifestTypeUnsupported(ManifestInvalid):
    def __init__(self, media_type: str) -> None:
        super().__init__(
            f"the media type '{media_type[:200]}' is not stored here: push OCI image manifests and indexes, or Docker "
            "schema 2 manifests and lists"
        )


class RepositoryNotFound(NotFound):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(f"The repository with name '{name}' does not exist in the registry with id '{account}'")


class RepositoryPolicyNotFound(NotFound):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"Repository policy does not exist for the repository with name '{name}' "
            f"in the registry with id '{account}'"
        )


class RegistryPolicyNotFound(NotFound):
    def __init__(self, account: str) -> None:
        super().__init__(f"Registry policy does not exist in the registry with id '{account}'")


class EncryptionRefused(BadRequest):
    """A repository asks for a key of KMS where the operator promises no encryption (KmsException)."""

    def __init__(self, encryption: str) -> None:
        super().__init__(
            f"encryptionType '{encryption}' is refused here, since the server encrypts nothing with keys of KMS (its "
            "setting 'encryption_at_rest' is 'refuse'): ask for AES256, or have the operator set it to 'volume' where "
            "the volumes are encrypted, or to 'record' to have the key stored and shown alone"
        )


class SigningConfigurationNotFound(NotFound):
    def __init__(self, account: str) -> None:
        super().__init__(f"Signing configuration does not exist in the registry with id '{account}'")


class ExclusionExists(Conflict):
    def __init__(self, principal: str, account: str) -> None:
        super().__init__(
            f"The pull time update exclusion for principal '{principal}' already exists in the registry with id "
            f"'{account}'"
        )


class ExclusionNotFound(NotFound):
    def __init__(self, principal: str, account: str) -> None:
        super().__init__(
            f"The pull time update exclusion for principal '{principal}' does not exist in the registry with id "
            f"'{account}'"
        )


class TooManyExclusions(LimitReached):
    def __init__(self, account: str, limit: int) -> None:
        super().__init__(
            f"The registry with id '{account}' already has the maximum allowed number of pull time update exclusions "
            f"which is '{limit}'"
        )


class TemplateNotFound(NotFound):
    """No repository creation template has this prefix (TemplateNotFoundException)."""

    def __init__(self, prefix: str, account: str) -> None:
        super().__init__(
            f"The repository creation template with prefix '{prefix}' does not exist in the registry with id "
            f"'{account}'"
        )


class ImageNotFound(NotFound):
    def __init__(self, digest: str | None, tag: str | None, name: str, account: str) -> None:
        super().__init__(
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist "
            f"within the repository with name '{name}' in the registry with id '{account}'"
        )


class ImageArchived(NotFound):
    """The image is there, but in the archive: it can be neither pulled nor scanned (ImageArchivedException)."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The image with digest '{digest}' in the repository with name '{name}' in the registry with id "
            f"'{account}' is archived: restore it first"
        )


class StorageClassUpdateNotSupported(Conflict):
    """ImageStorageClassUpdateNotSupportedException."""

    def __init__(self, digest: str, name: str, account: str, reason: str) -> None:
        super().__init__(
            f"The storage class of the image with digest '{digest}' in the repository with name '{name}' in the "
            f"registry with id '{account}' cannot be updated: {reason}"
        )


class LifecyclePolicyNotFound(NotFound):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        )


class LifecyclePreviewNotFound(NotFound):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id "
            f"'{account}'"
        )


class LifecyclePreviewInProgress(Conflict):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"Lifecycle policy preview for the repository with name '{name}' in the registry with id '{account}' is in "
            "progress"
        )


class LayerNotFound(NotFound):
    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The layer with digest {digest} does not exist within the repository with name '{name}' "
            f"in the registry with id '{account}'"
        )


class UploadNotFound(NotFound):
    def __init__(self, upload: str, name: str, account: str) -> None:
        super().__init__(
            f"Upload with id '{upload}' could not be found for the repository with name '{name}' "
            f"in the registry with id '{account}'"
        )


class RepositoryExists(Conflict):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(f"The repository with name '{name}' already exists in the registry with id '{account}'")


class TemplateExists(Conflict):
    """Another repository creation template has this prefix (TemplateAlreadyExistsException)."""

    def __init__(self, prefix: str, account: str) -> None:
        super().__init__(
            f"The repository creation template with prefix '{prefix}' already exists in the registry with id "
            f"'{account}'"
        )


class RepositoryNotEmpty(Conflict):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"The repository with name '{name}' in registry with id '{account}' "
            "cannot be deleted because it still contains images"
        )


class ImageExists(Conflict):
    """The same manifest under the same tag (ImageAlreadyExistsException)."""

    def __init__(self, digest: str, tag: str, name: str, account: str) -> None:
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' "
            f"in registry with id '{account}'"
        )


class TagImmutable(Conflict):
    def __init__(self, tag: str, name: str) -> None:
        super().__init__(
            f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten "
            "because the repository is immutable."
        )


class ImageReferenced(Conflict):
    """The image is part of an index, so it stays (batch failure ImageReferencedByManifestList)."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"the image with digest '{digest}' in the repository with name '{name}' in the registry with id "
            f"'{account}' is referenced by a manifest list: delete that first"
        )


class LayerReferenced(Conflict):
    """The layer to delete belongs to an image."""

    def __init__(self, digest: str, name: str) -> None:
        super().__init__(
            f"the layer with digest '{digest}' belongs to an image in the repository with name '{name}'; delete every "
            "such image, and the layer goes by itself"
        )


class LayerExists(Conflict):
    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The layer with digest '{digest}' already exists in the repository with name '{name}' "
            f"in registry with id '{account}'"
        )


class UploadOutOfOrder(Conflict):
    """A part does not begin where the upload ends (InvalidLayerPartException), which is after `size` bytes."""

    def __init__(self, upload: str, name: str, account: str, size: int) -> None:
        super().__init__(
            f"Invalid layer part upload for upload with id '{upload}' in the repository with name '{name}' "
            f"in the registry with id '{account}'"
        )
        self.upload, self.name, self.account, self.size = upload, name, account, size


class DigestInvalid(BadContent):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"'{text[:200]}' is not a digest: use sha256: and 64, or sha512: and 128, lower-case hexadecimal digits"
        )


class DigestMismatch(BadContent):
    def __init__(self, declared: str, computed: str) -> None:
        super().__init__(f"the bytes were declared as {declared} and are {computed}")
        self.declared, self.computed = declared, computed


class NoDigestMatches(DigestMismatch):
    """As DigestMismatch, in ECR's words for its own way of completing an upload (InvalidLayerException)."""

    def __init__(self, declared: str, computed: str) -> None:
        Refusal.__init__(self, "None of the provided layer digests match the calculated layer digest")
        self.declared, self.computed = declared, computed


class SizeMismatch(BadContent):
    def __init__(self, announced: int, received: int) -> None:
        super().__init__(f"{announced} bytes were announced and {received} were received")
        self.announced, self.received = announced, received


class LayerPartTooSmall(BadContent):
    """ECR's own rule for the parts of its API; the registry protocol takes parts of any size."""

    def __init__(self) -> None:
        super().__init__("All layer parts except the last part should be at least 5MB")


class EmptyUpload(BadContent):
    """ECR's own rule for its API; the registry protocol stores a blob of no bytes."""

    def __init__(self, upload: str, name: str, account: str) -> None:
        super().__init__(
            f"The upload with id '{upload}' in the repository with name '{name}' in registry with id '{account}' "
            "cannot be completed because it does not have any parts"
        )


class ImageDigestMismatch(BadContent):
    """The manifest was put under a digest that is not its own (ImageDigestDoesNotMatchException)."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The image with digest '{digest}' in repository '{name}' and registry ID '{account}' "
            "does not match the image digest that Amazon ECR has calculated."
        )


class DescriptorSizeWrong(BadContent):
    """A manifest gives a wrong size for content that the repository holds."""

    def __init__(self, digest: str, declared: int, actual: int) -> None:
        super().__init__(f"the manifest gives {digest} {declared} bytes, and it has {actual}: correct its size")


class LayersMissing(BadContent):
    """A manifest names layers that its repository does not hold (LayersNotFoundException)."""

    def __init__(self, digests: Sequence[str], name: str, account: str) -> None:
        super().__init__(
            f"Layers with digests '{_listed(digests)}' required for pushing image into repository with name '{name}' "
            f"in the registry with id '{account}' do not exist"
        )
        self.digests = tuple(digests)


class ReferencedImagesMissing(BadContent):
    """An index names manifests that its repository does not hold (ReferencedImagesNotFoundException)."""

    def __init__(self, digests: Sequence[str], name: str, account: str) -> None:
        super().__init__(
            f"Images with digests '{_listed(digests)}' required for pushing image into repository with name '{name}' "
            f"in the registry with id '{account}' do not exist"
        )
        self.digests = tuple(digests)


class TooManyRepositories(LimitReached):
    def __init__(self, account: str, limit: int) -> None:
        super().__init__(
            f"The registry with id '{account}' already has the maximum allowed number of repositories which is "
            f"'{limit}'"
        )


class TooManyImages(LimitReached):
    def __init__(self, name: str, account: str, limit: int) -> None:
        super().__init__(
            f"The repository with name '{name}' in registry with id '{account}' already has the maximum allowed number "
            f"of images which is '{limit}'"
        )


class TooManyUploads(LimitReached):
    def __init__(self, account: str, limit: int) -> None:
        super().__init__(
            f"The registry with id '{account}' already has the maximum allowed number of unfinished uploads which is "
            f"'{limit}'; complete or cancel some"
        )


class TooManyUploadedBytes(LimitReached):
    def __init__(self, account: str, limit: int) -> None:
        super().__init__(
            f"The unfinished uploads of the registry with id '{account}' already hold the maximum allowed number of "
            f"bytes which is '{limit}'; complete or cancel some"
        )


class TagParametersTooMany(LimitReached):
    """One push asks for more tags than one answer can confirm (registry protocol)."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"{count} tags are given, and one push takes at most {most}")


class TemplateChanged(Unavailable):
    """The repository creation template changed between the decision and its use."""

    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            f"the repository creation template for '{name}' in the registry with id '{account}' was changed "
            "meanwhile; try again"
        )


class LayerInaccessible(Unavailable):
    """The layer has a row, but bytes are missing (LayerInaccessibleException). An operator must act."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The layer with digest {digest} of the repository with name '{name}' in the registry with id '{account}' "
            "cannot be read: its bytes are missing or damaged"
        )


class ImageInaccessible(Unavailable):
    """The manifest has a row, but its bytes are damaged. Another push of the same manifest repairs it."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The image with digest {digest} of the repository with name '{name}' in the registry with id '{account}' "
            "cannot be read: its manifest is damaged; push it again"
        )


def _listed(digests: Sequence[str]) -> str:
    """Format a list as AWS does: at most the first hundred items."""
    return f"[{', '.join(digests[:_MOST_NAMED])}]"
