"""The compiled tables are what botocore's models say, and load as values."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinport.aws import shapes
from twinport.aws.shapes import Kind, Shape, load

ROOT = Path(__file__).parent.parent.parent


def test_the_tables_and_types_are_what_the_newest_model_compiles_to() -> None:
    command = [sys.executable, str(ROOT / "tools" / "compile_shapes.py"), "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(("service", "operations"), [("ecr", 62), ("iam", 180), ("sts", 11)])
def test_every_operation_of_the_model_is_there(service: str, operations: int) -> None:
    assert len(shapes.load(service).operations) == operations


def test_a_service_knows_how_it_is_spoken_to() -> None:
    ecr, iam = shapes.load("ecr"), shapes.load("iam")
    assert (ecr.protocol, ecr.target_prefix) == ("json", "AmazonEC2ContainerRegistry_V20150921")
    assert (iam.protocol, iam.api_version) == ("query", "2010-05-08")
    assert iam.xml_namespace == "https://iam.amazonaws.com/doc/2010-05-08/"


def test_a_shape_keeps_its_constraints() -> None:
    name = shapes.load("ecr").operations["CreateRepository"].input.members["repositoryName"]
    assert (name.kind, name.minimum, name.maximum) == (Kind.STRING, 2, 256)
    assert shapes.load("ecr").operations["CreateRepository"].input.required == ("repositoryName",)


def test_an_operation_without_output_has_none() -> None:
    assert shapes.load("iam").operations["DeleteRole"].output is None


def test_an_error_has_the_code_and_status_of_the_model() -> None:
    get_role = shapes.load("iam").operations["GetRole"]
    assert [(it.code, it.status) for it in get_role.errors] == [("NoSuchEntity", 404), ("ServiceFailure", 500)]


def test_only_web_identity_and_saml_are_unsigned() -> None:
    unsigned = {it.name for it in shapes.load("sts").operations.values() if it.unsigned}
    assert unsigned == {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}


def lists(shape: Shape, seen: frozenset[str] = frozenset()) -> Iterator[Shape]:
    """Find the lists that a client sends in an input."""
    if shape.name in seen:
        return
    if shape.kind is Kind.LIST:
        yield shape
    for member in shape.members.values():
        yield from lists(member, seen | {shape.name})


def test_every_list_in_an_input_of_ecr_has_a_maximum() -> None:
    inputs = {name: operation.input for name, operation in load("ecr").operations.items()}
    found = [(name, each) for name, shape in inputs.items() for each in lists(shape)]
    assert {each.name for _, each in found} >= {"PrefixList", "RCTAppliedForList", "TagKeyList", "TagList"}
    assert [(name, each.name) for name, each in found if each.maximum is None] == []
