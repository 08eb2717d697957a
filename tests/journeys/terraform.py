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
_PROVIDER = Path("registry.terraform.io") / "hashicorp" / "aws"
# Where people keep plugins that Terraform shall not download.
_FOLDERS = (
    Path.home() / ".terraform.d" / "plugins",
    Path("/usr/share/terraform/plugins"),
    Path("/usr/local/share/terraform/plugins"),
    *sorted(Path("/opt").glob("*")),
)


@dataclass(frozen=True, slots=True)
class Terraform:
    """A configuration in a folder of its own, ready to be applied."""

    program: Program

    def apply(self, **variables: object) -> None:
        self.program("apply", "-auto-approve", "-no-color", "-input=false", *_variables(variables))

    def has_nothing_to_do(self) -> bool:
        """Plan, with everything read anew, and tell whether what is there is what is wanted."""
        return "No changes." in self.program("plan", "-no-color", "-input=false")

    def outputs(self) -> Mapping[str, object]:
        return {name: each["value"] for name, each in json.loads(self.program("output", "-json")).items()}

    def destroy(self) -> None:
        self.program("destroy", "-auto-approve", "-no-color", "-input=false", "-refresh=false")


def initialized(name: str, owner: Owner, folder: Path) -> Terraform:
    """Copy a configuration and initialise it as this owner.

    No package repository brings Terraform or its provider, so CI may lack them too: without them the journey is
    skipped everywhere.
    """
    if shutil.which("terraform") is None:
        pytest.skip("'terraform' is not installed")
    plugins = next((each for each in _FOLDERS if (each / _PROVIDER).is_dir()), None)
    if plugins is None:
        pytest.skip("the AWS provider of Terraform is in no folder of plugins")
    shutil.copytree(CONFIGURATIONS / name, folder / name)
    program = Program((find("terraform"), f"-chdir={folder / name}"), _environment(owner))
    program("init", "-no-color", "-input=false", f"-plugin-dir={plugins}")
    return Terraform(program)


def _environment(owner: Owner) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": owner.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": owner.region,
        "AWS_ENDPOINT_URL": owner.server.url,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": "/dev/null",
        "TF_IN_AUTOMATION": "1",
    }


def _variables(given: Mapping[str, object]) -> list[str]:
    return [f"-var={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()]
