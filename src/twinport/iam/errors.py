"""How IAM names each refusal. The protocol's own table has the refusals common to all operations."""

from collections.abc import Mapping

from twinport.aws.protocols import WireError
from twinport.errors import LimitReached, NotFound, Refusal
from twinport.refusals.identities import (
    EntityExists,
    InvalidInput,
    PasswordTooWeak,
    PolicyMalformed,
    PolicyNotAttachable,
    PolicyNotEvaluated,
    PolicyOutsideAccount,
    ReportExpired,
    ReportMissing,
    RoleUnmodifiable,
    StillReferenced,
)

ERRORS: Mapping[type[Refusal], WireError] = {
    EntityExists: WireError("EntityAlreadyExists", 409),
    InvalidInput: WireError("InvalidInput", 400),
    PolicyNotEvaluated: WireError("PolicyEvaluation", 500),
    LimitReached: WireError("LimitExceeded", 409),
    NotFound: WireError("NoSuchEntity", 404),
    PasswordTooWeak: WireError("PasswordPolicyViolation", 400),
    PolicyMalformed: WireError("MalformedPolicyDocument", 400),
    PolicyNotAttachable: WireError("PolicyNotAttachable", 400),
    PolicyOutsideAccount: WireError("AccessDenied", 403),
    ReportExpired: WireError("ReportExpired", 410),
    ReportMissing: WireError("ReportNotPresent", 410),
    RoleUnmodifiable: WireError("UnmodifiableEntity", 400),
    StillReferenced: WireError("DeleteConflict", 409),
}
