"""An organization by the public door, as docs/how-to/organization.md has it, and how it is read."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import fakes
from tests.access.test_principal_ids import naming
from tests.iam.answers import ALLOW_ALL, keys_of, refusal
from tests.served import Served, start
from twinport.access.organization_settings import organization
from twinport.errors import ConfigurationWrong
from twinport.model.identities import PrincipalKind
from twinport.model.names import AccountId
from twinport.policies.organization import NO_ORGANIZATION, Organization
from twinport.settings.loading import load
from twinport.settings.organization_table import OrganizationTable

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "organization.md"
BLOCK = re.compile(r"^ +```(\w+) ?(\S*)\n(.*?)^ +```$", re.DOTALL | re.MULTILINE)
MANAGEMENT, MEMBER, SIBLING, STRANGER = "111111111111", "222222222222", "333333333333", "444444444444"
NAME = {"repositoryName": "team/api"}


def written(folder: Path) -> Path:
    """Write the files of the page, and return the settings."""
    for _, name, text in BLOCK.findall(PAGE.read_text()):
        if "." in name:
            (folder / name).write_text("\n".join(line.removeprefix("   ") for line in text.splitlines()))
    return folder / "twinport.toml"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("organization")
    server = start(folder / "data", TWINPORT_CONFIG=str(written(folder)))
    yield server
    server.stop()


def test_the_page_tells_the_truth_about_the_denial(served: Served) -> None:
    (text,) = (text.strip() for kind, _, text in BLOCK.findall(PAGE.read_text()) if kind == "text")
    (command,) = (text for _, name, text in BLOCK.findall(PAGE.read_text()) if name == "denied")
    assert "--region us-east-1 --repository-name team/api" in command
    ecr = served.client("ecr", MEMBER, "us-east-1")
    assert refusal(ecr.create_repository, **NAME) == (400, "AccessDeniedException", text)


def test_a_region_that_the_unit_allows_is_allowed(served: Served) -> None:
    ecr = served.client("ecr", MEMBER, "eu-central-1")
    assert ecr.create_repository(**NAME)["repository"]["registryId"] == MEMBER


def test_neither_the_management_account_nor_one_outside_the_unit_is_limited(served: Served) -> None:
    for account in (MANAGEMENT, SIBLING, STRANGER):
        ecr = served.client("ecr", account, "us-east-1")
        assert ecr.create_repository(**NAME)["repository"]["registryId"] == account


def test_a_resource_control_policy_keeps_out_who_is_no_member_whatever_the_repository_says(served: Served) -> None:
    owner = served.client("ecr", SIBLING)
    owner.create_repository(repositoryName="shared")
    statement = naming("*", "ecr:*")
    owner.set_repository_policy(repositoryName="shared", policyText=statement, force=True)
    asked = {"registryId": SIBLING, "repositoryNames": ["shared"]}
    member = keys_of(served.client("iam", MEMBER), "alice", ALLOW_ALL)
    stranger = keys_of(served.client("iam", STRANGER), "mallory", ALLOW_ALL)
    assert served.client("ecr", MEMBER, keys=member).describe_repositories(**asked)["repositories"]
    _, _, message = refusal(served.client("ecr", STRANGER, keys=stranger).describe_repositories, **asked)
    assert message.endswith("with an explicit deny in a resource control policy")


def test_the_simulator_counts_the_organization_of_the_account(served: Served) -> None:
    iam = served.client("iam", MEMBER)
    keys_of(iam, "simulated", ALLOW_ALL)
    region = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}]
    asked = {"ActionNames": ["ecr:PutImage"], "ContextEntries": region}
    user = f"arn:aws:iam::{MEMBER}:user/simulated"
    (result,) = iam.simulate_principal_policy(PolicySourceArn=user, **asked)["EvaluationResults"]
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("explicitDeny", [])
    left_out = [{"PolicyType": "scp"}]
    answer = iam.simulate_principal_policy(PolicySourceArn=user, PolicyExclusionList=left_out, **asked)
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    role = iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")["Role"]["Arn"]
    asked["ActionNames"] = ["ecr:ReplicateImage"]
    (result,) = iam.simulate_principal_policy(PolicySourceArn=role, **asked)["EvaluationResults"]
    assert (result["EvalDecision"], "OrganizationsDecisionDetail" in result) == ("allowed", False)


def test_what_an_organization_forbids_is_no_matter_to_a_service_linked_role(tmp_path: Path) -> None:
    found = organization(load(written(tmp_path), {}, {}).organization)
    role = fakes.caller(MEMBER, kind=PrincipalKind.ROLE_SESSION, name="aws-service-role/x.amazonaws.com/R")
    assert not found.service_control(role)
    assert not found.resource_control(role, AccountId(SIBLING), "ecr:ReplicateImage")
    assert len(found.service_control(fakes.caller(MEMBER))) == 3


def test_who_has_no_account_yet_is_no_member(tmp_path: Path) -> None:
    found = organization(load(written(tmp_path), {}, {}).organization)
    workflow = replace(fakes.caller(MEMBER), kind=PrincipalKind.WEB_IDENTITY)
    assert not found.service_control(workflow)
    assert not found.keys_of(workflow)
    assert found.resource_control(workflow, AccountId(SIBLING), "sts:AssumeRoleWithWebIdentity")


def test_members_and_their_resources_have_keys(tmp_path: Path) -> None:
    found = organization(load(written(tmp_path), {}, {}).organization)
    assert found.keys(AccountId(MEMBER), "Resource") == {
        "aws:ResourceOrgID": ("o-exampleorg1",),
        "aws:ResourceOrgPaths": ("o-exampleorg1/r-ab12/ou-ab12-workloads/",),
    }
    assert found.keys(AccountId(MANAGEMENT), "Principal")["aws:PrincipalOrgPaths"] == ("o-exampleorg1/r-ab12/",)
    assert found.keys(AccountId(STRANGER), "Principal") == {}


def read(folder: Path, text: str) -> Organization:
    return organization(OrganizationTable(folder, tomllib.loads(text)["organization"]))


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"Statement": [{"Effect": "Allow", "Action": "ecr:*"}]}')
    (tmp_path / "allows.json").write_text(naming("*", "ecr:*", Resource="*"))
    text = """
[organization]
id = "example"
management = "boss"
color = "red"
resource_control = ["allows.json"]
[[organization.unit]]
id = "ou-ab12-11111111"
parent = "ou-ab12-99999999"
service_control = ["missing.json", "bad.json"]
[[organization.unit]]
id = "ou-ab12-22222222"
parent = "ou-ab12-22222222"
[[organization.account]]
id = "222222222222"
unit = "nowhere"
[[organization.account]]
id = "222222222222"
service_control = "FullAWSAccess"
"""
    with pytest.raises(ConfigurationWrong) as refused:
        read(tmp_path, text)
    told = "\n".join(refused.value.problems)
    for words in (
        "'organization.color' is not a setting",
        "'organization.id' is 'example'",
        "'organization.management' is 'boss'",
        "a resource control policy may only deny",
        "missing.json: cannot be read",
        "bad.json: Policy statement must contain resources.",
        "is beneath 'ou-ab12-99999999', which is no unit",
        "deeper than 5 units, or beneath itself",
        "is in 'nowhere', which is no unit",
        "'222222222222' is written twice",
        "a list of files is needed, not 'FullAWSAccess'",
    ):
        assert words in told
    assert len(refused.value.problems) == 11


def test_a_place_may_have_five_policies_and_no_more(tmp_path: Path) -> None:
    five = '[organization]\nid = "o-exampleorg1"\nmanagement = "111111111111"\nservice_control = ["FullAWSAccess"{}]'
    assert read(tmp_path, five.format(', "FullAWSAccess"' * 4)).id == "o-exampleorg1"
    with pytest.raises(ConfigurationWrong, match="at most 5"):
        read(tmp_path, five.format(', "FullAWSAccess"' * 5))


def test_without_a_table_there_is_no_organization() -> None:
    assert organization(load(None, {}, {}).organization) is NO_ORGANIZATION


def test_a_table_is_told_by_a_file_and_by_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationWrong, match=r"the table \[organization\]"):
        load(None, {"TWINPORT_ORGANIZATION": "o-exampleorg1"}, {})
    (tmp_path / "twinport.toml").write_text('organization = "o-exampleorg1"')
    with pytest.raises(ConfigurationWrong, match=r"the table \[organization\]"):
        load(tmp_path / "twinport.toml", {}, {})
