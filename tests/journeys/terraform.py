"""Terraform with the AWS provider, against a real server."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.clients import Owner
from tests.journeys.commands import Program, find

CONFIGURATIONS = Path(__file__).parent / "infrastructure"
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "terraform.md"
_PROVIDER = Path("registry.terraform.io") / "hashicorp" / "aws"
# Where people keep plugins that Terraform shall not download.
_FOLDERS = (
    Path.home() / ".terraform.d" / "plugins",
    Path("/usr/share/terraform/plugins"),
    Path("/usr/local/share/terraform/plugins"),
    *sorted(Path("/opt").glob("*")),
)

_DESTROY = ("destroy", "-auto-approve", "-no-color", "-input=false", "-refresh=false")

# Nothing that the machine has configured counts. Go collects garbage less often, which spares a quarter of the time.
_ENVIRONMENT = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "CHECKPOINT_DISABLE": "1",
    "GOGC": "400",
    "GOMEMLIMIT": "1GiB",
    "TF_CLI_CONFIG_FILE": "/dev/null",
    "TF_IN_AUTOMATION": "1",
}


@dataclass(frozen=True, slots=True)
class Terraform:
    """A configuration in a folder of its own, ready to be applied."""

    program: Program

    def apply(self) -> None:
        self.program("apply", "-auto-approve", "-no-color", "-input=false")

    def change(self, **variables: object) -> None:
        """Apply again, without another read of what was just read."""
        options = ("-auto-approve", "-no-color", "-input=false", "-refresh=false")
        self.program("apply", *options, *_variables(variables))

    def has_nothing_to_do(self, **variables: object) -> bool:
        """Plan, with everything read again, and tell whether the server has what is wanted."""
        return "No changes." in self.program("plan", "-no-color", "-input=false", *_variables(variables))

    def outputs(self) -> Mapping[str, object]:
        return {name: each["value"] for name, each in json.loads(self.program("output", "-json")).items()}

    def destroy(self) -> None:
        self.program(*_DESTROY)

    def refusal_to_destroy(self) -> str:
        """Destroy what can be destroyed, and return why the rest cannot."""
        return self.program.refusal(*_DESTROY)


def initialized(name: str, owner: Owner, folder: Path) -> Terraform:
    """Copy a configuration, give it the provider of docs/how-to/terraform.md as this owner, and initialize it.

    No package repository brings Terraform or its provider, so CI may lack them too: without them the journey is
    skipped everywhere.
    """
    if shutil.which("terraform") is None:
        pytest.skip("'terraform' is not installed")
    plugins = next((each for each in _FOLDERS if (each / _PROVIDER).is_dir()), None)
    if plugins is None:
        pytest.skip("the AWS provider of Terraform is in no folder of plugins")
    shutil.copytree(CONFIGURATIONS / name, folder / name)
    (folder / name / "provider.tf").write_text(_provider(owner))
    program = Program((find("terraform"), f"-chdir={folder / name}"), _ENVIRONMENT)
    program("init", "-no-color", "-input=false", f"-plugin-dir={plugins}")
    return Terraform(program)


def _provider(owner: Owner) -> str:
    """Return the provider as the page tells people to write it, but for its address, account and Region."""
    block = HOW_TO.read_text().partition("```hcl\n")[2].partition("```")[0]
    told = {"127.0.0.1:4566": owner.server.address, "111111111111": owner.account, "eu-west-1": owner.region}
    for word, ours in told.items():
        assert word in block
        block = block.replace(word, ours)
    return block


def _variables(given: Mapping[str, object]) -> list[str]:
    return [f"-var={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()]
