"""What refusals look like on a page."""

import inspect

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
    line = Cli("http://127.0.0.1:4566", RegionName("eu-west-1")).line("ecr create-repository", repository_name="a'; b")
    assert line == (
        "aws ecr create-repository \\\n    --repository-name 'a'\"'\"'; b' \\\n"
        "    --endpoint-url http://127.0.0.1:4566 \\\n    --region eu-west-1"
    )


@pytest.mark.parametrize("control", ["\x15", "\x1b[201~", "\x7f", "\x9b"])
def test_a_command_has_no_character_that_a_terminal_obeys(control: str) -> None:
    line = Cli("http://127.0.0.1:4566", None).line("iam update-role", description=f"a{control}\n\treboot é")
    assert control not in line
    assert "\n\treboot é'" in line


@pytest.mark.parametrize("scheme", ["file", "fileb"])
def test_a_command_reads_no_file_that_a_tenant_names(scheme: str) -> None:
    line = Cli("http://127.0.0.1:4566", None).line("iam update-role", description=f"{scheme}://~/.aws/credentials")
    assert "--description DESCRIPTION \\" in line
    own = Cli("http://127.0.0.1:4566", None).line(
        "ecr put-lifecycle-policy", lifecycle_policy_text="file://policy.json"
    )
    assert "--lifecycle-policy-text file://policy.json" in own
