"""Refusals about users, groups, roles, policies, sessions and accounts."""

from twinport.errors import BadRequest, Conflict, LimitReached, NotFound, Refusal, Unavailable


class RootMayNotAssume(Refusal):
    """A root may not assume roles, as in AWS. Roots of open accounts may."""

    def __init__(self) -> None:
        super().__init__("Roles may not be assumed by root accounts.")


class SessionMayNotCall(Refusal):
    """Temporary credentials of this kind may not call the operation, whatever policies say (AccessDenied)."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"Cannot call {operation} with session credentials")


class KeyIdUnknown(BadRequest):
    """The id of no access key or session (ValidationError)."""

    def __init__(self) -> None:
        super().__init__("Invalid access key id")


class PolicyOutsideAccount(Refusal):
    """A managed policy of AWS or of another account was to be read or changed as if it were the caller's own."""

    def __init__(self) -> None:
        super().__init__("Policy is outside your own account.")


class PolicyMalformed(BadRequest):
    """A policy document has an element that is unknown or that its kind does not allow. `detail` is IAM's sentence.

    IAM answers MalformedPolicyDocument with this sentence. ECR has one sentence of its own for each kind.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PrincipalUnknown(PolicyMalformed):
    """A trust or resource policy names a user or role that does not exist. IAM's sentence; ECR has another."""

    def __init__(self, name: str) -> None:
        super().__init__(f'Invalid principal in policy: "AWS":"{name}"')
        self.name = name


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


class AliasIsAnAccount(InvalidInput):
    """An alias must not be twelve digits, since these are an account id."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"the account alias '{alias}' has the form of an account id; choose another one")


class ArnInvalid(BadRequest):
    """The given text is no ARN (ValidationError). The two blanks are AWS's."""

    def __init__(self) -> None:
        super().__init__("Invalid ARN:  Could not be parsed!")


class RoleArnInvalid(BadRequest):
    """AssumeRole got something other than the ARN of a role (ValidationError)."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"{arn} is invalid")


class SessionTooLong(BadRequest):
    """A session would outlast what its role, or a chain of roles, allows (ValidationError)."""


class SessionTagsInvalid(BadRequest):
    """The tags of a session contradict each other, or the tags of the caller's session."""


class NameNeeded(BadRequest):
    """Only a user may leave out the user's name (ValidationError)."""

    def __init__(self) -> None:
        super().__init__("Must specify userName when calling with non-User credentials")


class RoleUnmodifiable(BadRequest):
    """A service-linked role belongs to its service (UnmodifiableEntity)."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )


class PasswordTooWeak(BadRequest):
    """The password does not follow IAM's default rules (PasswordPolicyViolation)."""

    def __init__(self, shortest: int, kinds: int) -> None:
        super().__init__(
            f"a password needs {shortest} characters or more, of {kinds} of these kinds: upper-case letters, "
            "lower-case letters, digits, and others"
        )


class PolicyNotAttachable(BadRequest):
    """Policies of service-linked roles are attached by their service alone."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Cannot attach a Service Role Policy to a Customer {kind.capitalize()}.")


class EntityNotFound(NotFound):
    """IAM's frame (NoSuchEntity). `kind` is 'user', 'group' or 'role', or each of them before ' policy'."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"The {kind} with name {name} cannot be found.")


class PolicyNotEvaluated(Refusal):
    """The evaluator gave up a simulation."""

    def __init__(self, action: str, resource: str, reason: str) -> None:
        super().__init__(f"{action} on {resource[:256]} is denied without a decision, {reason}")


class EntityUnretrievable(NotFound):
    """The entity whose policies were requested does not exist, in IAM's words."""

    def __init__(self) -> None:
        super().__init__("Unable to retrieve specified IAM entity.")


class LoginProfileNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"Login Profile for User {name} cannot be found.")


class NotAMember(NotFound):
    def __init__(self, user: str, group: str) -> None:
        super().__init__(f"The user with name {user} is not in the group with name {group}.")


class InstanceProfileNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"Instance Profile {name} cannot be found.")


class RoleNotInProfile(NotFound):
    def __init__(self, role: str, profile: str) -> None:
        super().__init__(f"The role with name {role} is not in the instance profile with name {profile}.")


class AliasNotFound(NotFound):
    def __init__(self, alias: str) -> None:
        super().__init__(f"The account alias with name {alias} cannot be found.")


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
    """The policy to attach does not exist. IAM words this differently from a read."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Policy {arn} does not exist or is not attachable.")


class DeletionTaskNotFound(NotFound):
    def __init__(self, task: str) -> None:
        super().__init__(f"The deletion task with id {task} cannot be found.")


class EntityExists(Conflict):
    """IAM's frame (EntityAlreadyExists)."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind.capitalize()} with name {name} already exists.")


class InstanceProfileExists(EntityExists):
    def __init__(self, name: str) -> None:
        Refusal.__init__(self, f"Instance Profile {name} already exists.")


class AliasTaken(EntityExists):
    def __init__(self, alias: str) -> None:
        Refusal.__init__(self, f"The account alias {alias} already exists.")


class PolicyExists(EntityExists):
    def __init__(self, name: str) -> None:
        Refusal.__init__(self, f"A policy called {name} already exists. Duplicate names are not allowed.")


class StillReferenced(Conflict):
    """IAM deletes nothing that other entities still depend on (DeleteConflict)."""


class ChangedMeanwhile(Conflict):
    """A form of the console shows a state that has changed since."""

    def __init__(self) -> None:
        super().__init__("this was changed after the page was shown; nothing was changed")


class PolicyNameUnknown(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"no policy of AWS that twinport knows is named '{name[:128]}'; give the name of one, as "
            "AmazonEC2ContainerRegistryReadOnly, or the ARN of any policy"
        )


class AccountNameInvalid(BadRequest):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name[:60]}' cannot name an account: give 1 to 50 printable ASCII characters, no blank first or last, "
            "and not twelve digits, which are an id"
        )


class AccountNameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"an account named '{name}' exists already; choose another name")


class ReportMissing(NotFound):
    """No credential report was made (ReportNotPresent)."""

    def __init__(self) -> None:
        super().__init__("No report exists for your account; ask for one with GenerateCredentialReport")


class ReportExpired(NotFound):
    """The last credential report is too old to be shown (ReportExpired)."""

    def __init__(self) -> None:
        super().__init__("The last report is older than four hours; ask for a new one with GenerateCredentialReport")


class AccessJobNotFound(NotFound):
    def __init__(self, job: str) -> None:
        super().__init__(f"The job with id {job} cannot be found.")


class AccountNotFound(NotFound):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"no account has the id, name or alias '{text}'; 'twinport account list' shows all, and "
            "'twinport account create' makes one"
        )


class SessionPoliciesTooLarge(LimitReached):
    def __init__(self, percent: int) -> None:
        super().__init__(f"Packed size of the session policies consumes {percent}% of allotted space.")


class RoleFenced(Unavailable):
    """The incarnation of the service-linked role is being deleted or is gone. The calling code looks it up again."""

    def __init__(self) -> None:
        super().__init__("the service-linked role is being deleted; nothing was changed, try again")


class AuthorizationMessageInvalid(BadRequest):
    """An encoded authorization message was not sealed here for the caller's account, or was altered."""

    def __init__(self) -> None:
        super().__init__("Message is not valid.")


class PrincipalNotAsked(BadRequest):
    """A question names no principal that can be explained. `why_not` says what is wrong with the name."""

    def __init__(self, name: str, why_not: str) -> None:
        super().__init__(f"'{name}' {why_not}")


class ResourceNotAsked(BadRequest):
    """A question names no resource that can be explained. `why_not` says what is wrong with the name."""

    def __init__(self, name: str, why_not: str) -> None:
        super().__init__(f"'{name}' {why_not}")
