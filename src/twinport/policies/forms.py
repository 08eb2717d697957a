"""Checks the form of actions and resources in policies. Refusals use IAM's sentences."""

import re

from twinport.refusals.identities import PolicyMalformed

EVERYTHING = "*"
_ACTION = re.compile(r"\*(:\*)?|[A-Za-z0-9-]+:[A-Za-z0-9*?-]+")
_VENDOR = re.compile(r"\*|[A-Za-z0-9.-]+")
_PARTITIONS = frozenset(
    ("*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
)
_SHOWN = 256
_COLONS = 5
_VENDOR_UNCLEAR = "Resource vendor must be fully qualified and cannot contain regexes."
_UNPARSED = "The policy failed legacy parsing"
# The kinds of resources in an ARN of IAM, besides `*`.
_IAM_PATHS = (
    *("user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/"),
    *("sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"),
)


def check_action(text: str) -> None:
    """Raise PolicyMalformed unless this is `*` or a service's prefix, one colon, and an action or a pattern of some."""
    vendor, _, action = text.partition(":")
    if not action and text != EVERYTHING:
        raise PolicyMalformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in action:
        raise PolicyMalformed("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise PolicyMalformed(f"Vendor {vendor[:_SHOWN]} is not valid")
    if not _ACTION.fullmatch(text):
        raise PolicyMalformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def check_resource(text: str) -> None:
    """Raise PolicyMalformed unless this is `*` or begins as an ARN does, which may be cut off: `arn:aws:ecr:*`."""
    if text == EVERYTHING:
        return
    if ":" not in text or not text.startswith("arn:"):
        raise PolicyMalformed(f'Resource {text[:_SHOWN]} must be in ARN format or "*".')
    parts = text.split(":", _COLONS)
    _check_partition(parts)
    service = parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 — the third of an ARN
    if not re.fullmatch("[a-z0-9-]+", service):
        raise PolicyMalformed(_VENDOR_UNCLEAR)
    if len(parts) <= _COLONS and "::" in text:
        raise PolicyMalformed(_UNPARSED)
    if service == "iam" and len(parts) > _COLONS:
        _check_of_iam(text, parts[3], parts[_COLONS])


def _check_partition(parts: list[str]) -> None:
    if parts[1] in _PARTITIONS:
        return
    # IAM shows the ARN that it parsed, with a star for each missing part.
    shown = ":".join([*parts, *["*"] * (_COLONS + 1 - len(parts))])
    raise PolicyMalformed(f'Partition "{parts[1][:_SHOWN]}" is not valid for resource "{shown[:_SHOWN]}".')


def _check_of_iam(text: str, region: str, path: str) -> None:
    if region:
        raise PolicyMalformed(f"IAM resource {text[:_SHOWN]} cannot contain region information.")
    if path != EVERYTHING and not path.startswith(_IAM_PATHS):
        raise PolicyMalformed(f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')
