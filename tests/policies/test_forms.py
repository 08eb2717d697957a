"""Actions and resources that have no form are refused in IAM's sentences."""

import pytest

from twinport.policies.forms import check_action, check_resource
from twinport.refusals.identities import PolicyMalformed

IAM_PATHS = (
    'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, '
    "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."
)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "arn:aws:ecr:*",
        "arn:aws:ecr:eu-west-1:111122223333:repository/team/*",
        "arn:*:ecr:*:*:repository/${aws:PrincipalTag/team}",
        "arn:aws-cn:iam::111122223333:role/build",
        "arn:aws:iam::*:*",
        "arn:aws:s3:::bucket/a:b",
    ],
)
def test_what_is_a_resource_is_taken(text: str) -> None:
    check_resource(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("team/api", 'Resource team/api must be in ARN format or "*".'),
        ("", 'Resource  must be in ARN format or "*".'),
        ("repository:team", 'Resource repository:team must be in ARN format or "*".'),
        ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:aws:*:*:111122223333:*", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:aws::x:y:z", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:moon:ecr", 'Partition "moon" is not valid for resource "arn:moon:ecr:*:*:*".'),
        ("arn:moon:ecr:a:b:c:d", 'Partition "moon" is not valid for resource "arn:moon:ecr:a:b:c:d".'),
        ("arn:aws:s3::bucket", "The policy failed legacy parsing"),
        (
            "arn:aws:iam:eu-west-1:1:user/a",
            "IAM resource arn:aws:iam:eu-west-1:1:user/a cannot contain region information.",
        ),
        ("arn:aws:iam::1:root", IAM_PATHS),
        ("arn:aws:iam:::bucket", IAM_PATHS),
    ],
)
def test_what_is_no_resource_is_refused_in_iams_words(text: str, words: str) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        check_resource(text)
    assert refused.value.detail == words


@pytest.mark.parametrize("text", ["*", "*:*", "ecr:*", "ecr:Put?mage", "execute-api:Invoke"])
def test_what_is_an_action_is_taken(text: str) -> None:
    check_action(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PutImage", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ("", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ("ecr:Put:Image", "Actions/Condition can contain only one colon."),
        ("e r:PutImage", "Vendor e r is not valid"),
        ("e*:PutImage", "Vendor e* is not valid"),
    ],
)
def test_what_is_no_action_is_refused_in_iams_words(text: str, words: str) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        check_action(text)
    assert refused.value.detail == words
