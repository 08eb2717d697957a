"""What tenants write is read in steps that grow with its length, and no faster.

A step is a call. A call of a list's or a text's method that may go through the whole of it is as many as it is long.
"""

import gc
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import pytest

from tests.shelf import image_of, index_of
from twinport.console.lifecycle_form import RuleDraft, with_rule
from twinport.console.lifecycle_words import rules_if_valid
from twinport.console.tag_fields import TagFields
from twinport.console.visits import Fields
from twinport.errors import Refusal
from twinport.model.lifecycle_policies import LONGEST_TEXT, PolicyTooLong, parse_policy
from twinport.model.manifests import parse_manifest
from twinport.model.tags import resource_tags
from twinport.policies import context_keys, documents, faults
from twinport.policies.documents import PolicyKind
from twinport.policies.statement_spans import spans
from twinport.registry.policy_text import rewritten

Read = Callable[[str], object]
_GO_THROUGH = {"count", "index", "remove", "insert", "copy", "find"}
_FEW = 200


def steps(read: Read, text: str) -> int:
    """Count the steps of reading a text, whether it is refused or not."""
    found = 0

    def note(_frame: FrameType, event: str, called: object) -> None:
        nonlocal found
        if event == "call":
            found += 1
        elif event == "c_call":
            owner = getattr(called, "__self__", None)
            is_long = getattr(called, "__name__", "") in _GO_THROUGH and isinstance(owner, list | str)
            found += len(owner) if is_long and isinstance(owner, list | str) else 1

    before = sys.getprofile()
    # Libraries of tests are called back whenever garbage is collected.
    gc.disable()
    sys.setprofile(note)
    try:
        with suppress(Refusal):
            read(text)
    finally:
        sys.setprofile(before)
        gc.enable()
    return found


def members(count: int) -> str:
    """Return an object with different members, the last of which is given twice."""
    return "{" + ",".join(f'"m{number}":1' for number in (*range(count), count - 1)) + "}"


def one_member(count: int) -> str:
    return "{" + ",".join(['"m":1'] * count) + "}"


def lifecycle(count: int) -> str:
    selection: dict[str, object] = {"tagStatus": "tagged", "tagPrefixList": [str(number) for number in range(count)]}
    selection |= {"countType": "imageCountMoreThan", "countNumber": 1}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def policy(count: int) -> str:
    resources = [f"arn:aws:ecr:eu-west-1:222222222222:repository/r{number}" for number in range(count)]
    statement = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def statements(count: int) -> str:
    found = [{"Sid": f"s{number}", "Effect": "Allow", "Action": "ecr:*", "Resource": "*"} for number in range(count)]
    return json.dumps({"Version": "2012-10-17", "Statement": found}, indent=1)


def manifest(count: int) -> str:
    return image_of(b"config", *[str(number).encode() for number in range(count)]).decode()


def index(count: int) -> str:
    return index_of(*[image_of(str(number).encode()) for number in range(count)]).decode()


def rows(count: int) -> str:
    return json.dumps([f"key{number}" for number in range(count)])


def _kept(text: str) -> object:
    return documents.parse_given(text, PolicyKind.IDENTITY)


def _fault(text: str) -> object:
    return faults.first_fault(text, PolicyKind.IDENTITY)


def _tag_fields(text: str) -> object:
    keys: Sequence[str] = json.loads(text)
    pairs = [(name, key) for name in ("tag-key", "tag-value") for key in keys]
    return TagFields.parse(Fields(tuple(pairs)))


def _manifest(text: str) -> object:
    found = parse_manifest(text.encode(), None)
    return found.blobs, found.own_size


READERS: list[tuple[Read, Callable[[int], str]]] = [
    *((parse_policy, written) for written in (members, one_member, lifecycle)),
    *((rules_if_valid, written) for written in (members, one_member, lifecycle)),
    *((RuleDraft.blank, written) for written in (members, lifecycle)),
    (lambda text: with_rule(text, {"rulePriority": 2}), lifecycle),
    *((_kept, written) for written in (members, one_member, policy, statements)),
    *((_fault, written) for written in (members, one_member, policy, statements)),
    *((rewritten, written) for written in (policy, statements)),
    (spans, statements),
    *((lambda text: context_keys.named_in([text]), written) for written in (policy, statements)),
    *((_manifest, written) for written in (members, one_member, manifest, index)),
    (lambda text: resource_tags((key, "") for key in json.loads(text)), rows),
    (_tag_fields, rows),
]


@pytest.mark.parametrize(("read", "written"), READERS)
def test_twice_as_much_takes_at_most_twice_the_steps(read: Read, written: Callable[[int], str]) -> None:
    few, many = steps(read, written(_FEW)), steps(read, written(2 * _FEW))
    assert many <= 2 * few + steps(read, written(2))


def test_the_count_of_steps_sees_what_goes_through_a_list_for_each_of_its_members() -> None:
    def slow(text: str) -> object:
        names: list[str] = json.loads(text)
        return [names.count(name) for name in names]

    assert steps(slow, rows(2 * _FEW)) > 3 * steps(slow, rows(_FEW))


def test_a_text_longer_than_a_lifecycle_policy_is_not_read() -> None:
    assert steps(parse_policy, " " * LONGEST_TEXT) > 3
    for read in (parse_policy, rules_if_valid, RuleDraft.blank):
        assert steps(read, members(LONGEST_TEXT)) < _FEW
    with pytest.raises(PolicyTooLong, match="must have length less than or equal to 30720"):
        parse_policy(lifecycle(10_000))
