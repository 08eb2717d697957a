"""Bounds of what forms take, which are those of ECR's model, and of what a page shows of it again."""

from collections.abc import Mapping
from html import escape
from typing import Any

from twinport.aws import shapes
from twinport.aws.protocols import require_ecr_valid

# Every policy that is not made of quotation marks is shorter. A longer text is not put into a page.
MOST_ON_A_PAGE = 60_000


def check(operation: str, members: Mapping[str, Any]) -> None:
    """Raise InvalidParameter, in ECR's words, unless `members` are an input that the operation of ECR may have."""
    require_ecr_valid(shapes.load("ecr").operations[operation], members)


def cut(text: str, most: int = MOST_ON_A_PAGE) -> str:
    """Shorten a text that would make a page too large, since characters such as quotation marks become several."""
    return text if len(escape(text)) <= most else text[: most // 6]
