"""What refusals look like on a page."""

import inspect
import json
import shlex

import pytest

from twinport import errors
from twinport.console.commands import Cli
from twinport.console.problems import problem_of
from twinport.errors import AccessDenied, Refusal
from twinport.model.names import RegionName

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Refusal) and kind.__init__ is Refusal.__init__
]

CLI = Cli("http://127.0.0.1:4566", RegionName("eu-west-1"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_has_a_headline_and_a_remedy(kind: type[Refusal]) -> None:
    problem = problem_of(kind("words of the refusal"))
    assert problem.message == "words of the refusal"
    assert problem.headline
    assert problem.remedy.endswith((".", "affected."))
    assert problem.status >= 400


def test_a_denial_names_the_permission_to_ask_for() -> None:
    problem = problem_of(AccessDenied("arn:aws:iam::1:user/a", "ecr:PutImage", "arn:aws:ecr:r:1:repository/b"))
    assert problem.status == 403
    assert "allows ecr:PutImage on arn:aws:ecr:r:1:repository/b" in problem.remedy


def test_a_command_is_quoted_for_a_shell() -> None:
    line = CLI.line("ecr create-repository", repository_name="a'; b")
    assert line == (
        "aws ecr create-repository \\\n    --repository-name 'a'\"'\"'; b' \\\n"
        "    --endpoint-url http://127.0.0.1:4566 \\\n    --region eu-west-1"
    )


@pytest.mark.parametrize("control", ["\x15", "\x1b[201~", "\x7f", "\x9b"])
def test_a_command_has_no_character_that_a_terminal_obeys(control: str) -> None:
    line = CLI.line("iam update-role", description=f"a{control}\n\treboot é")
    assert control not in line
    assert "\n\treboot é'" in line


@pytest.mark.parametrize("start", ["file://~/", "fileb://~/", "http://", "https://", "--policy-document="])
def test_a_command_takes_no_value_for_a_file_an_address_or_an_option(start: str) -> None:
    line = CLI.line("iam update-role", role_name="a", description=f"{start}it's")
    text = shlex.split(line.replace("\\\n", ""))
    assert text[3:7] == ["--role-name", "a", "--cli-input-json", json.dumps({"Description": f"{start}it's"})]
    line = CLI.line("ecr create-repository-creation-template", prefix="a", custom_role_arn=start)
    assert json.dumps({"customRoleArn": start}) in line


def test_a_command_may_name_a_file_that_the_visitor_writes() -> None:
    line = CLI.line("ecr put-lifecycle-policy", lifecycle_policy_text="file://policy.json")
    assert "--lifecycle-policy-text file://policy.json" in line
