"""How Amazon ECR names each refusal. The protocol's own table has the refusals common to all operations."""

from collections.abc import Mapping

from twinport.aws.protocols import WireError
from twinport.errors import Refusal
from twinport.refusals.identities import ServiceRoleNameTaken
from twinport.refusals.images import (
    DescriptorSizeWrong,
    DigestInvalid,
    DigestMismatch,
    EmptyUpload,
    EncryptionRefused,
    ExclusionExists,
    ExclusionNotFound,
    ImageArchived,
    ImageDigestMismatch,
    ImageExists,
    ImageNotFound,
    LayerExists,
    LayerInaccessible,
    LayerNotFound,
    LayerPartTooSmall,
    LayersMissing,
    LifecyclePolicyNotFound,
    LifecyclePreviewInProgress,
    LifecyclePreviewNotFound,
    ReferencedImagesMissing,
    RegistryPolicyNotFound,
    RepositoryExists,
    RepositoryNotEmpty,
    RepositoryNotFound,
    RepositoryPolicyNotFound,
    SigningConfigurationNotFound,
    StorageClassUpdateNotSupported,
    TagImmutable,
    TemplateExists,
    TemplateNotFound,
    UploadNotFound,
    UploadOutOfOrder,
)
from twinport.refusals.requests import InvalidTag, TooManyTags
from twinport.refusals.scanning import ImageTypeUnsupported, ScanFeatureDisabled, ScanNotFound


def _last_valid_byte(refusal: UploadOutOfOrder) -> Mapping[str, object]:
    return {
        "registryId": refusal.account,
        "repositoryName": refusal.name,
        "uploadId": refusal.upload,
        "lastValidByteReceived": refusal.size - 1,
    }


def _no_kms(_: EncryptionRefused) -> Mapping[str, object]:
    """Return the code that KMS has for what a key cannot be used for."""
    return {"kmsError": "UnsupportedOperationException"}


ERRORS: Mapping[type[Refusal], WireError] = {
    DescriptorSizeWrong: WireError("InvalidParameterException"),
    DigestInvalid: WireError("InvalidParameterException"),
    DigestMismatch: WireError("InvalidLayerException"),
    EncryptionRefused: WireError("KmsException", members=_no_kms),
    EmptyUpload: WireError("EmptyUploadException"),
    ExclusionExists: WireError("ExclusionAlreadyExistsException"),
    ExclusionNotFound: WireError("ExclusionNotFoundException"),
    ImageArchived: WireError("ImageArchivedException"),
    ImageDigestMismatch: WireError("ImageDigestDoesNotMatchException"),
    ImageExists: WireError("ImageAlreadyExistsException"),
    ImageNotFound: WireError("ImageNotFoundException"),
    InvalidTag: WireError("InvalidTagParameterException"),
    LayerExists: WireError("LayerAlreadyExistsException"),
    LayerNotFound: WireError("LayersNotFoundException"),
    LayerInaccessible: WireError("LayerInaccessibleException"),
    LayerPartTooSmall: WireError("LayerPartTooSmallException"),
    LayersMissing: WireError("LayersNotFoundException"),
    LifecyclePolicyNotFound: WireError("LifecyclePolicyNotFoundException"),
    LifecyclePreviewInProgress: WireError("LifecyclePolicyPreviewInProgressException"),
    LifecyclePreviewNotFound: WireError("LifecyclePolicyPreviewNotFoundException"),
    ReferencedImagesMissing: WireError("ReferencedImagesNotFoundException"),
    RegistryPolicyNotFound: WireError("RegistryPolicyNotFoundException"),
    RepositoryExists: WireError("RepositoryAlreadyExistsException"),
    RepositoryNotEmpty: WireError("RepositoryNotEmptyException"),
    RepositoryNotFound: WireError("RepositoryNotFoundException"),
    RepositoryPolicyNotFound: WireError("RepositoryPolicyNotFoundException"),
    # A customer's own role has the service-linked role's name. The configuration cannot be stored until it is deleted.
    ServiceRoleNameTaken: WireError("ValidationException"),
    ImageTypeUnsupported: WireError("UnsupportedImageTypeException"),
    ScanFeatureDisabled: WireError("ValidationException"),
    ScanNotFound: WireError("ScanNotFoundException"),
    SigningConfigurationNotFound: WireError("SigningConfigurationNotFoundException"),
    StorageClassUpdateNotSupported: WireError("ImageStorageClassUpdateNotSupportedException"),
    TagImmutable: WireError("ImageTagAlreadyExistsException"),
    TemplateExists: WireError("TemplateAlreadyExistsException"),
    TemplateNotFound: WireError("TemplateNotFoundException"),
    TooManyTags: WireError("TooManyTagsException"),
    UploadNotFound: WireError("UploadNotFoundException"),
    UploadOutOfOrder: WireError("InvalidLayerPartException", members=_last_valid_byte),
}
