"""The console explains decisions about a repository, to users that may read what an explanation names."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.console.browsing import Visitor
from tests.served import Served, new_account
from tests.sts.callers import document, statement, user
from twinport.model.identities import PrincipalKind
from twinport.model.names import AccountId
from twinport.policies import reasons
from twinport.policies.documents import PolicyKind, parse
from twinport.policies.evaluate import AuthorizationRequest, Policies
from twinport.policies.explanation import explain
from twinport.policies.grants import Identity

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
PULL = "ecr:BatchGetImage"


def ask(visitor: Visitor, principal: str, action: str = PULL) -> str:
    """Return what the page says, without its markup."""
    asked = urlencode({"repository": "team/api", "principal": principal, "action": action})
    return " ".join(unescape(re.sub(r"<[^>]+>", "", visitor.get(f"{REGION}/policy/why?{asked}"))).split())


def set_policy(ecr: Ecr, *statements: dict[str, object]) -> None:
    ecr.set_repository_policy(repositoryName="team/api", policyText=document(*statements))


@pytest.mark.usefixtures("ecr")
def test_the_statement_that_allows_is_named(root: Visitor, server: Served, account: str) -> None:
    ada = user(server, account, "ada", document(statement("Allow", PULL, Sid="Pullers")))
    page = ask(root, ada.arn)
    assert f"{ada.arn} may {PULL}" in page
    assert "allowed by statement 'Pullers' of the identity-based policy 'p'" in page
    assert "column" not in page


@pytest.mark.usefixtures("ecr")
def test_what_is_missing_is_said(root: Visitor, server: Served, account: str) -> None:
    ada = user(server, account, "ada", document(statement("Allow", PULL, "arn:aws:ecr:*:*:repository/other")))
    page = ask(root, ada.arn)
    assert f"{ada.arn} may not {PULL}" in page
    assert "allows it on other resources" in page


def test_a_denial_of_the_repositorys_policy_is_named(root: Visitor, server: Served, account: str, ecr: Ecr) -> None:
    ada = user(server, account, "ada", document(statement("Allow", "*")))
    set_policy(ecr, statement("Deny", PULL, Sid="NoPulls", Principal={"AWS": ada.arn}))
    page = ask(root, ada.arn)
    assert f"{ada.arn} may not {PULL}" in page
    assert "denied by statement 'NoPulls' of the policy of the repository" in page


def test_another_account_is_told_about_by_this_side_alone(root: Visitor, ecr: Ecr) -> None:
    partner, other = new_account(), new_account()
    set_policy(ecr, statement("Allow", PULL, Sid="Partner", Principal={"AWS": partner}))
    page = ask(root, f"arn:aws:iam::{partner}:user/ada")
    assert f"ada may {PULL}, if account {partner} allows it too" in page
    assert f"The policies of account {partner} must allow it too" in page
    assert "allowed by statement 'Partner' of the policy of the repository" in page
    refused = ask(root, f"arn:aws:iam::{other}:user/ada")
    assert "This account does not allow it" in refused
    assert "no policy of the repository or the registry allows it" in refused
    assert "identity-based" not in page + refused


def test_a_statement_of_the_registrys_policy_is_named(root: Visitor, account: str, ecr: Ecr) -> None:
    partner, everything = new_account(), f"arn:aws:ecr:{REGION}:{account}:repository/*"
    allowed = statement("Allow", "ecr:ReplicateImage", everything, Sid="Copies", Principal={"AWS": partner})
    ecr.put_registry_policy(policyText=document(allowed))
    assert "allowed by statement 'Copies' of the policy of the registry" in ask(root, partner, "ecr:ReplicateImage")
    assert 'action="/console/eu-west-1/policy/why"' in root.get(f"{REGION}/permissions")


def test_whether_a_principal_of_another_account_exists_is_not_told(root: Visitor, server: Served, ecr: Ecr) -> None:
    partner = new_account()
    there = user(server, partner, "there", document(statement("Allow", "*")), Tags=[{"Key": "team", "Value": "a"}])
    conditions = {"StringEquals": {"aws:PrincipalTag/team": "b", "aws:userid": "x"}}
    set_policy(ecr, statement("Allow", PULL, Principal={"AWS": partner}, Condition=conditions))
    page, other = ask(root, there.arn), ask(root, there.arn.replace("there", "gone"))
    assert re.sub(r"[0-9a-f-]{36}", "", page) == re.sub(r"[0-9a-f-]{36}", "", other).replace("gone", "there")
    assert "the request has no aws:PrincipalTag/team" in page
    assert there.unique_id not in page


def test_a_user_of_another_account_that_the_policy_names_is_recognized(root: Visitor, server: Served, ecr: Ecr) -> None:
    ada = user(server, new_account(), "ada")
    set_policy(ecr, statement("Allow", PULL, Principal={"AWS": ada.arn}))
    assert "This account allows it." in ask(root, ada.arn)


@pytest.mark.parametrize("missing", ["ecr:GetRepositoryPolicy", "ecr:GetRegistryPolicy", "iam:SimulatePrincipalPolicy"])
@pytest.mark.usefixtures("ecr")
def test_an_explanation_needs_the_permission_to_read_what_it_names(server: Served, account: str, missing: str) -> None:
    ada = user(server, account, "ada", document(statement("Allow", "*", Sid="Secret")))
    looker = user(server, account, "looker", document(statement("Allow", "*"), statement("Deny", missing)))
    visitor = Visitor(server, {"way": "key", "key": looker.keys[0], "secret": looker.keys[1]})
    page = ask(visitor, ada.arn)
    assert f"not authorized to perform: {missing} on resource" in page
    assert "Secret" not in page


@pytest.mark.usefixtures("ecr")
def test_a_user_that_does_not_exist_is_denied_before_it_is_said(server: Served, account: str) -> None:
    policy = document(statement("Allow", ["ecr:*"]))
    looker = user(server, account, "looker", policy)
    visitor = Visitor(server, {"way": "key", "key": looker.keys[0], "secret": looker.keys[1]})
    page = ask(visitor, f"arn:aws:iam::{account}:user/missing")
    assert "not authorized to perform: iam:SimulatePrincipalPolicy" in page
    assert "does not exist" not in page


@pytest.mark.parametrize(
    ("principal", "action", "says"),
    [
        ("ada", PULL, "is not the ARN of a user, a role"),
        ("111122223333", "ecr:PutImages", "did you mean 'ecr:PutImage'"),
        ("111122223333", "iam:GetUser", "is not done to a repository"),
        ("arn:aws:sts::999999999999:assumed-role/r/s", PULL, "belongs to another account"),
    ],
)
@pytest.mark.usefixtures("ecr")
def test_a_question_that_cannot_be_asked_is_refused_with_the_reason(
    root: Visitor, principal: str, action: str, says: str
) -> None:
    assert says in ask(root, principal, action)


@pytest.mark.usefixtures("ecr")
def test_the_root_and_a_service_need_no_permission_on_an_entity(root: Visitor, account: str) -> None:
    assert "the root of an account may do everything" in ask(root, account)
    assert f"replication.ecr.amazonaws.com may not {PULL}" in ask(root, "replication.ecr.amazonaws.com")


def test_users_are_not_told_the_statements_of_an_organization() -> None:
    account, arn = AccountId("111122223333"), "arn:aws:iam::111122223333:user/ada"
    principal = Identity(PrincipalKind.USER, account, arn, arn, "AIDAEXAMPLE")
    request = AuthorizationRequest(principal, PULL, "arn:aws:ecr:eu-west-1:111122223333:repository/x", account, {})
    deny = parse(document(statement("Deny", "ecr:*", Sid="Hidden")), PolicyKind.SERVICE_CONTROL)
    own = parse(document(statement("Allow", "*")), PolicyKind.IDENTITY)
    lines = reasons.for_users(explain(request, Policies(identity=(own,), service_control=((deny,),))))
    assert lines == ["denied by a service control policy of the organization"]


@pytest.mark.usefixtures("ecr")
def test_the_shown_command_is_one_question_whatever_the_address_says(root: Visitor) -> None:
    page = ask(root, "--data=/elsewhere", "\x15reboot\n")
    assert "twinport why -- --data=/elsewhere '\\x15reboot'" in page
    assert "\x15" not in page.partition("twinport why")[2]


@pytest.mark.parametrize(
    ("missing", "hidden", "shown"),
    [
        ("ecr:ListTagsForResource", "hush", "quiet"),
        ("iam:ListUserTags", "quiet", "hush"),
    ],
)
def test_values_of_tags_are_told_to_those_who_may_list_them(
    server: Served, account: str, ecr: Ecr, missing: str, hidden: str, shown: str
) -> None:
    arn = f"arn:aws:ecr:{REGION}:{account}:repository/team/api"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "secret", "Value": "hush"}])
    ada = user(server, account, "ada", Tags=[{"Key": "secret", "Value": "quiet"}])
    conditions = {"StringEquals": {"ecr:ResourceTag/secret": "a", "aws:PrincipalTag/secret": "b"}}
    set_policy(ecr, statement("Allow", PULL, Principal={"AWS": account}, Condition=conditions))
    looker = user(server, account, "looker", document(statement("Allow", "*"), statement("Deny", missing)))
    page = ask(Visitor(server, {"way": "key", "key": looker.keys[0], "secret": looker.keys[1]}), ada.arn)
    assert "is a value that you may not see (StringEquals" in page
    assert hidden not in page
    assert f"is {shown} (StringEquals" in page


def test_the_tags_of_a_repository_are_not_told_by_a_question_about_another_account(
    server: Served, account: str, ecr: Ecr
) -> None:
    arn = f"arn:aws:ecr:{REGION}:{account}:repository/team/api"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "secret", "Value": "hush"}])
    partner = new_account()
    conditions = {"StringEquals": {"aws:ResourceTag/secret": "a"}}
    set_policy(ecr, statement("Allow", PULL, Principal={"AWS": partner}, Condition=conditions))
    policy = document(statement("Allow", "*"), statement("Deny", "ecr:ListTagsForResource"))
    looker = user(server, account, "looker", policy)
    page = ask(Visitor(server, {"way": "key", "key": looker.keys[0], "secret": looker.keys[1]}), partner)
    assert "aws:ResourceTag/secret is a value that you may not see" in page
    assert "hush" not in page
