"""`twinport why`: docs/how-to/why.md is true, and what it says is what the gate does."""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Ended, called
from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served, start
from twinport.composition.why import Asked, why
from twinport.policies.reasons import in_values
from twinport.settings.loading import Settings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "why.md"
EXAMPLES = re.findall(r"```sh\ntwinport (.*?)\n```\n\n```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
ACCOUNT, OTHER = "111122223333", "444455556666"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
SERVICE = "replication.ecr.amazonaws.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SERVICE}/AWSServiceRoleForECRReplication"
API = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/api"
PUSHERS = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Pushers",
      "Effect": "Allow",
      "Action": "ecr:PutImage",
      "Resource": "arn:aws:ecr:*:*:repository/team/*",
      "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    }
  ]
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = start(tmp_path_factory.mktemp("why") / "data")
    iam = server.client("iam", ACCOUNT)
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="pushers", PolicyDocument=PUSHERS)
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    for account in (ACCOUNT, OTHER):
        server.client("ecr", account).create_repository(repositoryName="team/api")
    yield server
    server.stop()


def asked(served: Served, *words: str) -> Ended:
    return called("why", *words, "--data", str(served.data))


def told(served: Served, principal: str, action: str, resource: str, **context: str) -> Any:  # noqa: ANN401 — as JSON is
    """What `--json` prints, without a process of its own for each question."""
    keys = {f"aws:{name}".lower(): (value,) for name, value in context.items()}
    return in_values(asyncio.run(why(Settings(data=served.data), Asked(principal, action, resource, keys))))


@pytest.mark.parametrize(("words", "text"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_page_shows_what_is_printed(served: Served, words: str, text: str) -> None:
    ended = asked(served, *shlex.split(words)[1:])
    assert ended.stdout.strip() == text, ended.stderr
    assert ended.code == (3 if "may not" in text else 0)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 4


def test_programs_are_told_everything(served: Served) -> None:
    ended = asked(served, ALICE, "ecr:PutImage", API, "--context", "aws:SourceIp=192.0.2.1", "--json")
    assert ended.code == 3
    found = json.loads(ended.stdout)
    (statement,) = found["statements"]
    assert (statement["policy"], statement["sid"], statement["line"], statement["column"]) == (
        "pushers",
        "Pushers",
        4,
        5,
    )
    assert statement["fate"] == "condition failed"
    assert statement["failed"] == [
        {
            "operator": "IpAddress",
            "key": "aws:SourceIp",
            "wanted": ["10.0.0.0/8"],
            "given": ["192.0.2.1"],
            "doubts": [],
        }
    ]
    assert found["lacking"] == [{"kind": "identity", "side": f"the account {ACCOUNT}"}]
    assert found["reason"] == "because no identity-based policy allows the ecr:PutImage action"
    assert found["context"]["aws:principalarn"] == [ALICE]


def test_a_denial_names_its_statement(served: Served) -> None:
    iam = served.client("iam", ACCOUNT)
    deny = {"Sid": "NotHere", "Effect": "Deny", "Action": "ecr:*", "Resource": "*"}
    keys = keys_of(iam, "denied", ALLOW_ALL, json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    ended = asked(served, f"arn:aws:iam::{ACCOUNT}:user/denied", "ecr:DescribeRepositories", API)
    assert "denied by statement 'NotHere' of the identity-based policy 'inline-1', line 1 column" in ended.stdout
    _, code, text = refusal(
        served.client("ecr", ACCOUNT, keys=keys).describe_repositories, repositoryNames=["team/api"]
    )
    assert (code, "explicit deny" in text) == ("AccessDeniedException", True)


def test_what_a_tenant_wrote_into_a_policy_steers_no_terminal_and_begins_no_line(served: Served) -> None:
    written = "\x1b]0;title\x07\x1b[2J\n  allowed by root\u009b31m\u202e"
    condition = {"StringEquals": {"aws:UserAgent": written}}
    statement = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": condition}
    keys_of(served.client("iam", ACCOUNT), "mallory", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    ended = asked(served, f"arn:aws:iam::{ACCOUNT}:user/mallory", "ecr:PutImage", API)
    lines = ended.stdout.removesuffix("\n").split("\n")
    assert (ended.code, len(lines)) == (3, 3), ended.stderr
    assert all(line.isprintable() for line in lines)
    assert r"\x1b]0;title\x07\x1b[2J\n  allowed by root\x9b31m\u202e" in lines[2]


def test_a_role_is_asked_for_its_trust(served: Served) -> None:
    role = served.client("iam", ACCOUNT).create_role(RoleName="build", AssumeRolePolicyDocument=trusting(OTHER))["Role"]
    found = told(served, ALICE, "sts:AssumeRole", role["Arn"])
    assert found["lacking"] == [{"kind": "trust", "side": f"the account {ACCOUNT}"}]
    bob = served.client("iam", OTHER).create_user(UserName="bob")["User"]["Arn"]
    found = told(served, bob, "sts:AssumeRole", role["Arn"])
    assert found["lacking"] == [{"kind": "identity", "side": f"the caller's account {OTHER}"}]
    served.client("iam", OTHER).put_user_policy(
        UserName="bob", PolicyName="p", PolicyDocument=allowing("sts:AssumeRole", role["Arn"])
    )
    assert told(served, bob, "sts:AssumeRole", role["Arn"])["allowed"]


def test_a_role_and_its_session_are_asked_about_by_what_they_hold(served: Served) -> None:
    iam = served.client("iam", ACCOUNT)
    role = iam.create_role(RoleName="puller", AssumeRolePolicyDocument=trusting(ACCOUNT))["Role"]["Arn"]
    iam.put_role_policy(RoleName="puller", PolicyName="p", PolicyDocument=allowing("ecr:BatchGetImage", "*"))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/puller/one"
    for principal in (role, session):
        assert told(served, principal, "ecr:BatchGetImage", API)["allowed"]
        assert not told(served, principal, "ecr:PutImage", API)["allowed"]


def test_a_service_takes_its_own_role_and_no_other(served: Served) -> None:
    trusted = told(served, SERVICE, "sts:AssumeRole", ROLE)
    assert trusted["allowed"]
    assert trusted["decidedBy"]["kind"] == "trust"
    stranger = told(served, "ecs.amazonaws.com", "sts:AssumeRole", ROLE)
    assert stranger["lacking"] == [{"kind": "trust", "side": f"the resource's account {ACCOUNT}"}]


def test_a_service_carries_as_its_role_and_not_in_its_own_name(served: Served) -> None:
    itself = told(served, SERVICE, "ecr:ReplicateImage", API)
    assert itself["lacking"] == [{"kind": "repository", "side": f"the resource's account {ACCOUNT}"}]
    assert told(served, ROLE, "ecr:ReplicateImage", API)["allowed"]


def test_a_service_may_do_what_a_repository_policy_allows_on_behalf_of_the_account_that_it_names(
    served: Served,
) -> None:
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/served")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs.amazonaws.com"},
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:PrincipalServiceName": "ecs.amazonaws.com"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName="team/served", policyText=text)
    asked = ("ecs.amazonaws.com", "ecr:BatchGetImage", API.replace("team/api", "team/served"))
    assert told(served, *asked, SourceAccount=ACCOUNT)["allowed"]
    assert not told(served, *asked, SourceAccount=OTHER)["allowed"]
    assert told(served, *asked)["missingContextKeys"] == ["aws:SourceAccount"]
    assert not told(served, "lambda.amazonaws.com", *asked[1:], SourceAccount=ACCOUNT)["allowed"]


def test_a_service_has_no_account_for_what_has_no_name(served: Served) -> None:
    ended = asked(served, SERVICE, "ecr:GetAuthorizationToken", "*")
    assert ended.code == 2
    assert ended.stderr == (
        "twinport: '*' belongs to the principal's account, and a service has none: name a resource; "
        "see 'twinport why --help'\n"
    )


def test_the_root_needs_no_policy_in_its_account(served: Served) -> None:
    ended = asked(served, ACCOUNT, "ecr:DescribeRegistry", "*")
    assert "the root of an account may do everything in it that nothing denies" in ended.stdout
    assert ended.code == 0


def test_tags_whose_keys_differ_in_case_alone_grant_nothing(served: Served) -> None:
    ecr, iam = served.client("ecr", ACCOUNT), served.client("iam", ACCOUNT)
    ecr.create_repository(repositoryName="team/tagged", tags=[{"Key": "Team", "Value": "a"}])
    tagged = API.replace("team/api", "team/tagged")
    condition = {"StringEquals": {"aws:ResourceTag/team": "b"}}
    statement = {"Effect": "Allow", "Action": "ecr:DescribeImages", "Resource": "*", "Condition": condition}
    keys = keys_of(iam, "bea", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    bea = served.client("ecr", ACCOUNT, keys=keys)

    def may() -> bool:
        try:
            return bool(bea.describe_images(repositoryName="team/tagged"))
        except bea.exceptions.ClientError:
            return False

    assert not may()
    ecr.tag_resource(resourceArn=tagged, tags=[{"Key": "TEAM", "Value": "b"}])
    # Both are kept, as in AWS, and whichever came last decides nothing.
    kept = ecr.list_tags_for_resource(resourceArn=tagged)["tags"]
    assert {each["Key"]: each["Value"] for each in kept} == {"Team": "a", "TEAM": "b"}
    assert not may()
    ended = asked(served, f"arn:aws:iam::{ACCOUNT}:user/bea", "ecr:DescribeImages", tagged)
    assert (ended.code, "is the key of 2 tags that differ in case alone" in ended.stdout) == (3, True), ended.stdout
    ecr.untag_resource(resourceArn=tagged, tagKeys=["Team"])
    assert may()


def test_a_request_with_tags_whose_keys_differ_in_case_alone_is_not_allowed_by_either(served: Served) -> None:
    condition = {"StringEquals": {"aws:RequestTag/team": "a"}}
    keys = keys_of(served.client("iam", ACCOUNT), "cem", allowing("ecr:*", "*", Condition=condition))
    create = served.client("ecr", ACCOUNT, keys=keys).create_repository
    both = [{"Key": "Team", "Value": "a"}, {"Key": "TEAM", "Value": "b"}]
    assert refusal(create, repositoryName="team/both", tags=both)[1] == "AccessDeniedException"
    assert refusal(create, repositoryName="team/both", tags=both[::-1])[1] == "AccessDeniedException"
    create(repositoryName="team/both", tags=both[:1])


def test_a_principal_that_does_not_exist_is_named(served: Served) -> None:
    nobody = f"arn:aws:iam::{ACCOUNT}:user/nobody"
    ended = asked(served, nobody, "ecr:PutImage", API)
    assert (ended.code, ended.stderr) == (3, f"twinport: '{nobody}' does not exist\n")


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("alice", "ecr:PutImage", API), "alice"),
        (("ecs.example.com", "ecr:PutImage", API), "ecs.example.com"),
        ((ALICE, "ecr:PutImage", "team/api"), "team/api"),
        ((ALICE, "ecr:PutImage", API, "--region", "Ireland"), "Ireland"),
    ],
)
def test_a_word_of_the_wrong_form_is_misuse(served: Served, words: tuple[str, ...], wrong: str) -> None:
    ended = asked(served, *words)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"twinport: '{wrong}' is not ")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("ecr:PutImag", ", did you mean 'ecr:PutImage'? "),
        ("PutImage", ", did you mean 'ecr:PutImage'? "),
        ("iam:putimage", ", did you mean 'ecr:PutImage'? "),
        ("iam:PasRole", ", did you mean 'iam:PassRole'"),
        ("s3:GetObject", "; "),
        ("ecr:*", "; "),
    ],
)
def test_an_action_that_does_not_exist_is_refused_with_the_nearest(served: Served, action: str, said: str) -> None:
    ended = asked(served, ALICE, action, API)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"'{action}' is not an action of ECR, IAM or STS{said}" in ended.stderr
    assert "docs/how-to/why.md says where they are listed" in ended.stderr


@pytest.mark.parametrize("action", ["ECR:putimage", "ecr:ReplicateImage", "ecr:StartImageScan", "sts:TagSession"])
def test_an_action_is_known_in_any_case_and_without_an_operation(served: Served, action: str) -> None:
    assert asked(served, ACCOUNT, action, API).code == 0


def test_every_mistake_in_the_words_is_said_at_once(served: Served) -> None:
    ended = asked(served, "alice", "PutImage", "tour/hello", "--context", "x", "--region", "X")
    assert (ended.code, len(ended.stderr.splitlines())) == (2, 1)
    assert [each in ended.stderr for each in ("'alice'", "'PutImage'", "'tour/hello'", "'x'", "'X'")] == [True] * 5


def test_a_context_without_a_value_is_misuse(served: Served) -> None:
    assert asked(served, ALICE, "ecr:PutImage", API, "--context", "aws:SourceIp").code == 2


def test_a_folder_that_no_server_began_is_left_alone(tmp_path: Path) -> None:
    ended = called("why", ALICE, "ecr:PutImage", API, "--data", str(tmp_path / "nothing"))
    assert (ended.code, list(tmp_path.iterdir())) == (4, [])


def test_a_deployment_on_postgresql_is_asked_in_its_own_database(tmp_path: Path, postgres_address: str) -> None:
    where = {"TWINPORT_DATABASE": postgres_address}
    made = called("account", "create", "acme", "--data", str(tmp_path / "data"), **where)
    account = made.stdout.split()[1]
    administrator = f"arn:aws:iam::{account}:user/administrator"
    ended = called("why", administrator, "ecr:CreateRepository", "*", "--data", str(tmp_path / "data"), **where)
    assert ended.code == 0, ended.stderr
    assert "of the identity-based policy 'arn:aws:iam::aws:policy/AdministratorAccess'" in ended.stdout
