"""The editors of a repository's and a registry's policy: what is refused, where, why, and what is kept."""

import json
from html import unescape
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.console.browsing import Visitor
from tests.console.test_asking import LIFECYCLE, PROFILE
from tests.served import Served
from tests.sts.callers import document, statement, user

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
POLICY, EDIT = f"{REGION}/policy?repository=team/api", f"{REGION}/policy/edit"
EDITING = f"{EDIT}?repository=team/api"
PULL = statement("Allow", "ecr:BatchGetImage", Sid="Pull", Principal={"AWS": "222222222222"})


def kept(ecr: Ecr) -> str:
    try:
        return str(ecr.get_repository_policy(repositoryName="team/api")["policyText"])
    except ClientError:
        return ""


def save(root: Visitor, text: str, **more: str) -> str:
    return unescape(root.send(EDIT, root.form(EDITING) | {"policy": text} | more))


def test_a_policy_is_written_shown_and_changed(root: Visitor, ecr: Ecr) -> None:
    assert "No repository policy" in root.get(POLICY)
    page = save(root, document(PULL))
    assert "The policy is saved." in page
    assert kept(ecr) in page
    save(root, document(PULL, statement("Deny", "ecr:PutImage", Principal="*")))
    assert len(json.loads(kept(ecr))["Statement"]) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n "Version": oops }', "Line 2, column 13: this is not JSON"),
        (
            json.dumps({"Statement": [PULL, PULL | {"Effect": "Permit"}]}, indent=1),
            "statement 2 (Pull): Effect must be",
        ),
        (json.dumps({"Statement": [PULL | {"Action": "s3:*"}]}), "statement 1 (Pull): Vendor s3 is not valid."),
        ("{}", "The policy as a whole: a policy needs at least one statement."),
        ("x" * 10_241, "must have length less than or equal to 10240"),
    ],
)
def test_a_refusal_says_where_and_why_and_keeps_the_text(root: Visitor, ecr: Ecr, text: str, says: str) -> None:
    page = save(root, text)
    assert says in page
    assert f"{text}</textarea>" in page
    assert kept(ecr) == ""


def test_a_refusal_has_ecrs_words_beside_the_place(root: Visitor, ecr: Ecr) -> None:
    assert "Invalid repository policy provided" in save(root, "{}")
    assert kept(ecr) == ""


def test_a_principal_that_does_not_exist_is_found_by_its_line(root: Visitor, ecr: Ecr, account: str) -> None:
    missing = f"arn:aws:iam::{account}:role/missing"
    text = json.dumps({"Statement": [PULL | {"Principal": {"AWS": missing}}]}, indent=1)
    page = save(root, text)
    assert "Principal not found" in page
    (line,) = [line for line in text.split("\n") if missing in line]
    place = f"Line {text.split(chr(10)).index(line) + 1}, column {line.index(missing) + 1}"
    assert f"{place}: there is no user or role {missing}" in page
    assert kept(ecr) == ""


def test_a_policy_that_locks_its_author_out_needs_the_box(server: Served, account: str, ecr: Ecr) -> None:
    someone = user(server, account, "someone", document(statement("Allow", "ecr:*")))
    visitor = Visitor(server, {"way": "key", "key": someone.keys[0], "secret": someone.keys[1]})
    lockout = document(statement("Deny", "ecr:SetRepositoryPolicy", Principal="*"))
    assert "would prevent its author from setting another policy" in save(visitor, lockout)
    assert kept(ecr) == ""
    save(visitor, lockout, force="on")
    assert "SetRepositoryPolicy" in kept(ecr)


def test_a_policy_that_another_user_saved_meanwhile_is_not_overwritten(root: Visitor, ecr: Ecr) -> None:
    form = root.form(EDITING)
    ecr.set_repository_policy(repositoryName="team/api", policyText=document(PULL))
    page = root.send(EDIT, form | {"policy": document(statement("Deny", "ecr:*", Principal="*"))})
    assert "this was changed after the page was shown" in page
    assert "BatchGetImage" in kept(ecr)


def test_the_registrys_editor_says_where_and_why_too(root: Visitor, ecr: Ecr) -> None:
    edit = f"{REGION}/permissions/edit"
    wrong = json.dumps({"Statement": [{**PULL, "Resource": "*"}, {"Effect": "Allow"}]}, indent=1)
    assert "statement 2: Missing required field Principal." in unescape(
        root.send(edit, root.form(edit) | {"policy": wrong})
    )
    with pytest.raises(ClientError, match="RegistryPolicyNotFoundException"):
        ecr.get_registry_policy()


def test_an_editor_says_whether_it_creates_a_document_or_edits_one(root: Visitor, ecr: Ecr, account: str) -> None:
    editors = {
        "policy/edit?repository=team/api": "repository policy",
        "lifecycle/edit?repository=team/api": "lifecycle policy",
        "permissions/edit": "registry policy",
        "signing/edit": "signing configuration",
    }
    for editor, thing in editors.items():
        assert f">Create {thing}</h" in root.get(f"{REGION}/{editor}")
    resource = f"arn:aws:ecr:{REGION}:{account}:repository/*"
    ecr.set_repository_policy(repositoryName="team/api", policyText=document(PULL))
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE)
    ecr.put_registry_policy(
        policyText=document(statement("Allow", "ecr:ReplicateImage", resource, Principal={"AWS": "222222222222"}))
    )
    ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]})
    for editor, thing in editors.items():
        assert f">Edit {thing}</h" in root.get(f"{REGION}/{editor}")
