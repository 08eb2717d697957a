"""Every refusal the product can make.

    Refusal
    ├── NotAuthenticated          who are you?
    ├── AccessDenied              you may not
    ├── BadRequest                the request itself is wrong
    ├── NotFound                  what it names is not there
    ├── Conflict                  what is there stands in its way
    ├── BadContent                the bytes are not what they claim to be
    ├── LimitReached              a quota or a bound
    └── Unavailable               not now: the caller may try again

A refusal is named after the fact, takes plain strings and numbers, and words itself: what was asked, what is
true, what to do. Where clients rely on AWS's sentence it is AWS's. Codes and statuses belong to the doors.
"""

from collections.abc import Sequence

_MOST_NAMED = 100


class Refusal(Exception):
    """An expected 'no'. Everything else that is raised is a defect."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


# --- who are you? -----------------------------------------------------------------------------------------


class NotAuthenticated(Refusal):
    """The caller could not be established."""


class CredentialsMissing(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("Missing Authentication Token")


class CredentialsUnknown(NotAuthenticated):
    """No active access key or session has this id, or the session token is not ours."""

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class SessionExpired(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("The security token included in the request is expired")


class SignatureIncomplete(NotAuthenticated):
    """The signature's own fields are missing, doubled, or not what the algorithm asks for."""


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
    """Key or name, and secret or password, do not belong together. Which of them is wrong stays unsaid."""

    def __init__(self) -> None:
        super().__init__("these do not belong to an active key or user; check both, and try again")


class SignedOut(NotAuthenticated):
    """No session of the console belongs to this cookie: it ended, or never was."""

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


# --- you may not ------------------------------------------------------------------------------------------


class AccessDenied(Refusal):
    """The gate said no. `reason` is AWS's clause beginning with 'because' or 'with', or empty."""

    def __init__(self, principal: str, action: str, resource: str, reason: str = "") -> None:
        clause = f" {reason}" if reason else ""
        super().__init__(f"User: {principal} is not authorized to perform: {action} on resource: {resource}{clause}")
        self.principal, self.action, self.resource, self.reason = principal, action, resource, reason


class OriginRefused(Refusal):
    """A browser page of another origin, or a host name that is not ours, sent the request."""


class DownloadExpired(Refusal):
    """A presigned layer address was used after its time."""

    def __init__(self) -> None:
        super().__init__("Request has expired")


class RootMayNotAssume(Refusal):
    """As in AWS, but for the roots of open accounts, which may."""

    def __init__(self) -> None:
        super().__init__("Roles may not be assumed by root accounts.")


class FormForged(Refusal):
    """A form of the console came without its token, or with somebody else's."""

    def __init__(self) -> None:
        super().__init__("this form was not made for your session, so nothing was changed; open the page again")


class PolicyOutsideAccount(Refusal):
    """A managed policy of AWS or of another account was to be read or changed as if it were the caller's own."""

    def __init__(self) -> None:
        super().__init__("Policy is outside your own account.")


class DownloadForged(Refusal):
    """A presigned layer address was altered, or never was ours."""

    def __init__(self) -> None:
        super().__init__("the address of this layer was altered or was not signed here; ask for a new one")


# --- the request itself is wrong --------------------------------------------------------------------------


class BadRequest(Refusal):
    """The request cannot be carried out by anybody."""


class InvalidParameter(BadRequest):
    """ECR's frame for a parameter outside its constraint (InvalidParameterException)."""

    def __init__(self, parameter: str, constraint: str) -> None:
        super().__init__(f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'")
        self.parameter, self.constraint = parameter, constraint


class ConstraintsViolated(BadRequest):
    """IAM's and STS's frame for members outside their constraints (ValidationError)."""

    def __init__(self, violations: list[str]) -> None:
        errors = "error" if len(violations) == 1 else "errors"
        super().__init__(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")


class BodyMalformed(BadRequest):
    """The body or query string cannot be read as what the operation takes."""


class OperationUnknown(BadRequest):
    """The service has no operation of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the operation '{name[:200]}' does not exist")


class ContentRangeInvalid(BadRequest):
    """A part of an upload says in no readable way where it belongs."""

    def __init__(self, text: str) -> None:
        super().__init__(f"'{text[:200]}' is not the range of a part: use FIRST-LAST, the numbers of its bytes")


class ManifestInvalid(InvalidParameter):
    """The manifest is not what the image specifications allow."""

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


class NotBuiltYet(BadRequest):
    """AWS has it and twinport does not, so it is refused rather than ignored."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not implemented by twinport: {what}")


class InvalidTag(BadRequest):
    """A resource tag outside its grammar (InvalidTagParameterException)."""


class PolicyMalformed(BadRequest):
    """A policy document holds what its kind does not allow or nobody knows. `detail` is IAM's sentence.

    IAM answers MalformedPolicyDocument with it; ECR has one sentence of its own for each kind.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadName(BadRequest):
    """A name, tag, Region or account outside its grammar, met outside the AWS doors."""


class BadTag(BadName):
    """A tag outside the grammar of OCI Distribution."""


class MethodUnsupported(BadRequest):
    """There is such a place, and this cannot be done to it."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"'{method[:20]}' is not possible here: use {', '.join(allowed)}")
        self.allowed = tuple(allowed)


class InvalidInput(BadRequest):
    """A value that IAM understands and cannot use (InvalidInput)."""


class ServiceRoleNameTaken(InvalidInput):
    def __init__(self, name: str) -> None:
        super().__init__(f"Service role name {name} has been taken in this account, please try a different suffix.")


class SuffixRefused(InvalidInput):
    def __init__(self, service: str) -> None:
        super().__init__(f"Custom suffix is not allowed for {service}")


class ServiceUnknown(InvalidInput):
    def __init__(self, service: str) -> None:
        super().__init__(f"'{service}' is not a service that twinport has a service-linked role for")


class ArnInvalid(BadRequest):
    """What was given for an ARN is none (ValidationError). The two blanks are AWS's."""

    def __init__(self) -> None:
        super().__init__("Invalid ARN:  Could not be parsed!")


class RoleArnInvalid(BadRequest):
    """AssumeRole was given something else than the ARN of a role (ValidationError)."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"{arn} is invalid")


class SessionTooLong(BadRequest):
    """A session would outlast what its role, or a chain of roles, allows (ValidationError)."""


class SessionTagsInvalid(BadRequest):
    """The tags of a session contradict each other, or those of the session that asks."""


class NameNeeded(BadRequest):
    """The name of a user may be left out by a user alone (ValidationError)."""

    def __init__(self) -> None:
        super().__init__("Must specify userName when calling with non-User credentials")


class RoleUnmodifiable(BadRequest):
    """A service-linked role belongs to its service (UnmodifiableEntity)."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )


class NotConfirmed(BadRequest):
    """A destructive form came without the name that confirms it."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"type '{expected}' to confirm; nothing was changed")


class PasswordTooWeak(BadRequest):
    """The password does not keep to IAM's default rules (PasswordPolicyViolation)."""

    def __init__(self, shortest: int, kinds: int) -> None:
        super().__init__(
            f"a password needs {shortest} characters or more, of {kinds} of these kinds: upper-case letters, "
            "lower-case letters, digits, and others"
        )


class PolicyNotAttachable(BadRequest):
    """Policies of service-linked roles are attached by their service alone."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Cannot attach a Service Role Policy to a Customer {kind.capitalize()}.")


# --- what it names is not there ---------------------------------------------------------------------------


class NotFound(Refusal):
    """The named thing does not exist (or the caller may not know that it does)."""


class PathUnknown(NotFound):
    """A path that names no place of the registry protocol or of the console."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at '{path[:200]}'")


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


class ImageNotFound(NotFound):
    def __init__(self, digest: str | None, tag: str | None, name: str, account: str) -> None:
        super().__init__(
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist "
            f"within the repository with name '{name}' in the registry with id '{account}'"
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


class BlobMissing(NotFound):
    """The store has no bytes under a key. Met with a row that names it, it is damage, not an answer."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no bytes are stored under key '{key}'")


class EntityNotFound(NotFound):
    """IAM's frame (NoSuchEntity). `kind` is 'user', 'group' or 'role', or each of them before ' policy'."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"The {kind} with name {name} cannot be found.")


class LoginProfileNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"Login Profile for User {name} cannot be found.")


class NotAMember(NotFound):
    def __init__(self, user: str, group: str) -> None:
        super().__init__(f"The user with name {user} is not in the group with name {group}.")


class AccessKeyNotFound(NotFound):
    def __init__(self, key_id: str) -> None:
        super().__init__(f"The Access Key with id {key_id} cannot be found.")


class PolicyNotFound(NotFound):
    def __init__(self, arn: str) -> None:
        super().__init__(f"Policy {arn} was not found.")


class PolicyVersionNotFound(NotFound):
    def __init__(self, arn: str, version: str) -> None:
        super().__init__(f"Policy {arn} version {version} does not exist or is not attachable.")


class PolicyNotThere(NotFound):
    """Attaching asks for a policy in other words than reading it."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Policy {arn} does not exist or is not attachable.")


class DeletionTaskNotFound(NotFound):
    def __init__(self, task: str) -> None:
        super().__init__(f"The deletion task with id {task} cannot be found.")


# --- what is there stands in its way ----------------------------------------------------------------------


class Conflict(Refusal):
    """The state of things does not allow it."""


class RepositoryExists(Conflict):
    def __init__(self, name: str, account: str) -> None:
        super().__init__(f"The repository with name '{name}' already exists in the registry with id '{account}'")


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


class EntityExists(Conflict):
    """IAM's frame (EntityAlreadyExists)."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind.capitalize()} with name {name} already exists.")


class PolicyExists(EntityExists):
    def __init__(self, name: str) -> None:
        Refusal.__init__(self, f"A policy called {name} already exists. Duplicate names are not allowed.")


class StillReferenced(Conflict):
    """IAM deletes nothing that others still hang on (DeleteConflict)."""


class ChangedMeanwhile(Conflict):
    """A form of the console was made from what is no longer so."""

    def __init__(self) -> None:
        super().__init__("somebody changed this after the page was shown; nothing was saved")


class AccountNameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"an account named '{name}' exists already; choose another name")


# --- the bytes are not what they claim to be --------------------------------------------------------------


class BadContent(Refusal):
    """What was sent contradicts itself or what it refers to is missing."""


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
    """A manifest says of something that the repository holds that it has another size."""

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


# --- a quota or a bound -----------------------------------------------------------------------------------


class LimitReached(Refusal):
    """A quota (LimitExceededException) or a bound of ours."""


class SessionPoliciesTooLarge(LimitReached):
    def __init__(self, percent: int) -> None:
        super().__init__(f"Packed size of the session policies consumes {percent}% of allotted space.")


class TagLimitReached(LimitReached):
    def __init__(self, tag: str, name: str, account: str, limit: int) -> None:
        super().__init__(
            f"Adding tag '{tag}' to an image in the repository with name '{name}' in registry with id '{account}' "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class TagParametersTooMany(LimitReached):
    """One push asks for more tags than one answer can confirm (registry protocol)."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"{count} tags are given, and one push takes at most {most}")


class TooManyTags(LimitReached):
    """More tags than a resource may have (TooManyTagsException)."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"the resource would have {count} tags, and at most {most} are allowed")


# --- not now ----------------------------------------------------------------------------------------------


class Unavailable(Refusal):
    """Nothing is wrong with the request; it may be tried again."""


class TooManyAttempts(Unavailable):
    """Wrong secrets were given again and again, for one account or from one address."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many failed attempts to sign in; wait {seconds} s and try again")
        self.seconds = seconds


class StorageUnavailable(Unavailable):
    """The disk or the database refused: full, read-only, failing. Nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"storage refused the write: {what}; nothing was changed, try again")


class OutcomeUnknown(Unavailable):
    """The database went away while it committed: the change may be there or not."""

    def __init__(self) -> None:
        super().__init__(
            "the database was lost while it stored the change, which may be there or not: look, or try again"
        )


class LeaseLost(Unavailable):
    """A worker settles a delivery that it holds no longer: its lease ran out, or somebody settled it."""

    def __init__(self, delivery: str) -> None:
        super().__init__(f"delivery '{delivery}' is not held by this worker any more")
        self.delivery = delivery


class RoleFenced(Unavailable):
    """The service-linked role of this incarnation is being deleted, or is gone: whoever needs it asks for it anew."""

    def __init__(self) -> None:
        super().__init__("the service-linked role is being deleted; nothing was changed, try again")


class OfferExpired(Unavailable):
    """Bytes came for an offer that nobody holds open any more; what it held is let go."""

    def __init__(self, offer: str) -> None:
        super().__init__(f"offer '{offer}' has expired or was never made: offer again")


class LayerInaccessible(Unavailable):
    """The layer's row is there and its bytes are not, or not all (LayerInaccessibleException): a person must act."""

    def __init__(self, digest: str, name: str, account: str) -> None:
        super().__init__(
            f"The layer with digest {digest} of the repository with name '{name}' in the registry with id '{account}' "
            "cannot be read: its bytes are missing or damaged"
        )


class Interrupted(Unavailable):
    """The client went away, stalled, or sent fewer bytes than it announced."""


# --- before anything is opened ----------------------------------------------------------------------------


class ConfigurationWrong(Refusal):
    """Every problem found in the settings, at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the configuration is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


def _listed(digests: Sequence[str]) -> str:
    """Word a list as AWS does; of a very long one, the first hundred."""
    return f"[{', '.join(digests[:_MOST_NAMED])}]"
