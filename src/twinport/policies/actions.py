"""Which actions exist: the operations of AWS's service models, and the permissions that no operation is named after."""

from difflib import get_close_matches
from functools import cache

from twinport.aws import shapes
from twinport.model.letters import lower_ascii

_SERVICES = ("ecr", "iam", "sts")
# AWS's service authorization reference lists these in addition to the operations.
_WITHOUT_OPERATION = (
    *("ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus", "ecr:ReplicateImage"),
    "iam:PassRole",
    *("sts:GetServiceBearerToken", "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"),
)
_MOST_NEAREST = 3
_LIKENESS = 0.7


def exists(action: str) -> bool:
    """Tell whether ECR, IAM or STS has this action. The case of letters does not count, as in policies."""
    return lower_ascii(action) in _known()


def of_service(service: str) -> list[str]:
    """Return the actions of a service, as `ecr`, in the order of the alphabet."""
    return sorted(action for action in _known().values() if action.startswith(f"{service}:"))


def nearest(action: str) -> list[str]:
    """Return the actions that may have been meant, the likeliest first; the prefix may be missing or wrong."""
    prefix, _, name = lower_ascii(action).rpartition(":")
    known = _known()
    exact = [f"{each}:{name}" for each in _SERVICES if f"{each}:{name}" in known]
    prefixes = (prefix,) if prefix in _SERVICES else _SERVICES
    within = [each for each in known if each.partition(":")[0] in prefixes]
    by_name = {each.partition(":")[2]: each for each in within}
    close = [by_name[each] for each in get_close_matches(name, by_name, _MOST_NEAREST, _LIKENESS)]
    return [known[each] for each in exact or close]


@cache
def _known() -> dict[str, str]:
    """Return every action by its name in small letters."""
    operations = (f"{service}:{name}" for service in _SERVICES for name in shapes.load(service).operations)
    return {lower_ascii(action): action for action in (*operations, *_WITHOUT_OPERATION)}
