"""Checks the input of a form against the constraints of ECR's model, which the verbs leave to their doors."""

from collections.abc import Mapping
from typing import Any

from twinport.aws import shapes
from twinport.aws.protocols import require_ecr_valid


def check(operation: str, members: Mapping[str, Any]) -> None:
    """Raise InvalidParameter, in ECR's words, unless `members` are an input that the operation of ECR may have."""
    require_ecr_valid(shapes.load("ecr").operations[operation], members)
