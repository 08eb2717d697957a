"""Every constraint of the model is kept, and said with its path."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.aws import patterns, shapes, validate
from twinport.aws.shapes import Kind, Shape

ECR, IAM, STS = (shapes.load(service) for service in ("ecr", "iam", "sts"))
OPERATIONS = {name: it for service in (ECR, IAM, STS) for name, it in service.operations.items()}


def found(operation: str, value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(it.path, it.must) for it in validate.problems(OPERATIONS[operation].input, value)]


def all_patterns() -> list[str]:
    seen: dict[str, Shape] = {}
    waiting = [shape for it in OPERATIONS.values() for shape in (it.input, it.output or shapes.EMPTY)]
    while waiting:
        shape = waiting.pop()
        if shape.name not in seen:
            seen[shape.name] = shape
            waiting.extend(shape.members.values())
    return sorted({it.pattern for it in seen.values() if it.pattern})


def test_an_input_within_its_constraints_has_no_problem() -> None:
    assert found("CreateRepository", {"repositoryName": "team/api", "tags": [{"Key": "a", "Value": "b"}]}) == []


def test_a_required_member_must_be_there() -> None:
    assert found("CreateRepository", {}) == [("repositoryName", "not be null")]


def test_a_member_the_model_does_not_name_is_refused() -> None:
    assert found("DescribeRegistry", {"registryId": "1"}) == [("registryId", "be one that twinport knows")]


def test_an_unknown_member_inside_a_list_is_refused_with_its_path() -> None:
    value = {"repositoryName": "ab", "tags": [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "b", "Size": 1}]}
    assert found("CreateRepository", value) == [("tags.2.member.Size", "be one that twinport knows")]


def test_a_null_in_a_list_is_refused() -> None:
    problem = ("tags.1.member", "not be null")
    assert found("CreateRepository", {"repositoryName": "ab", "tags": [None]}) == [problem]


@pytest.mark.parametrize(
    ("value", "must"),
    [
        ("a", "have length greater than or equal to 2"),
        ("a" * 257, "have length less than or equal to 256"),
    ],
)
def test_a_string_keeps_its_length(value: str, must: str) -> None:
    assert found("DeleteRepository", {"repositoryName": value}) == [("repositoryName", must)]


@pytest.mark.parametrize("value", ["Ab", "a..b", "/a", "a/", "a\n", "ab\n", "a b", "../a", "é2"])
def test_a_pattern_must_match_the_whole_string(value: str) -> None:
    (problem,) = validate.problems(OPERATIONS["DeleteRepository"].input, {"repositoryName": value})
    assert (problem.path, problem.constraint) == ("repositoryName", validate.Constraint.PATTERN)


def test_an_enum_lists_its_values() -> None:
    value = {"repositoryName": "ab", "imageTagMutability": "SOMETIMES"}
    values = "IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION"
    (problem,) = found("CreateRepository", value)
    assert problem[0] == "imageTagMutability"
    assert set(problem[1].removeprefix("satisfy enum value set: [").removesuffix("]").split(", ")) == set(
        values.split(", ")
    )


@pytest.mark.parametrize(
    ("value", "must"),
    [
        (0, "have value greater than or equal to 1"),
        (1001, "have value less than or equal to 1000"),
    ],
)
def test_a_number_keeps_its_bounds(value: int, must: str) -> None:
    assert found("DescribeRepositories", {"maxResults": value}) == [("maxResults", must)]


def test_a_list_keeps_its_length_and_a_long_one_is_not_walked() -> None:
    problem = ("imageIds", "have length less than or equal to 100")
    assert found("BatchGetImage", {"repositoryName": "ab", "imageIds": [None] * 10_000}) == [problem]


def test_bytes_keep_their_length() -> None:
    part = OPERATIONS["UploadLayerPart"].input.members["layerPartBlob"]
    shape = Shape("Part", Kind.STRUCTURE, {"blob": part})
    (problem,) = validate.problems(shape, {"blob": bytes(20_971_521)})
    assert problem.must == "have length less than or equal to 20971520"


def test_a_map_keeps_the_constraints_of_its_values() -> None:
    short = Shape("Short", Kind.STRING, maximum=2)
    notes = Shape("Notes", Kind.MAP, {"key": short, "value": short}, maximum=1)
    shape = Shape("S", Kind.STRUCTURE, {"notes": notes})
    problems = [(it.path, it.must) for it in validate.problems(shape, {"notes": {"abc": "def", "b": "c"}})]
    assert problems == [
        ("notes", "have length less than or equal to 1"),
        ("notes.key", "have length less than or equal to 2"),
        ("notes.abc.member", "have length less than or equal to 2"),
    ]


def test_problems_come_in_the_order_of_the_model() -> None:
    value = {"tags": [{"Key": "a"}], "imageTagMutability": "x", "repositoryName": "A"}
    paths = [path for path, _ in found("CreateRepository", value)]
    assert paths == ["repositoryName", "repositoryName", "tags.1.member.Value", "imageTagMutability"]


@pytest.mark.parametrize("pattern", all_patterns())
def test_no_pattern_takes_for_ever_on_a_string_that_fails_at_its_end(pattern: str) -> None:
    # A pattern that backtracks exponentially would run into the time limit of the test.
    for unit in ("a", "*", "a-", "a/", "a.b/", "/", "-", "ab_", "arn:aws-a", "0"):
        patterns.matches(pattern, unit * (4000 // len(unit)) + "\n")


SLOW = r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$"


@given(st.text("a0*._-/\n!", max_size=9))
def test_the_pattern_rewritten_for_speed_matches_the_same_strings(text: str) -> None:
    assert patterns.matches(SLOW, text) == (re.fullmatch(SLOW, text) is not None)


def test_the_pattern_rewritten_for_speed_is_one_of_the_models() -> None:
    assert SLOW in set(all_patterns())


def test_letters_numbers_and_blanks_of_unicode_are_what_java_takes_them_for() -> None:
    tag = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"
    plain = set("_.:/=+-@")
    wrong = [
        code
        for code in range(0x110000)
        if patterns.matches(tag, chr(code)) != (unicodedata.category(chr(code))[0] in "LZN" or chr(code) in plain)
    ]
    assert wrong == []


@pytest.mark.parametrize("text", ["é", "１", "a\n"])  # noqa: RUF001 - a full-width digit is the point
def test_word_characters_are_ascii_where_java_means_ascii(text: str) -> None:
    assert not patterns.matches(r"[\w+=,.@-]+", text)


@pytest.mark.parametrize("text", ["{}", "\U0001f600", "\x85"])
def test_a_pattern_of_what_xml_can_hold_reaches_beyond_the_basic_plane(text: str) -> None:
    (pattern,) = (it for it in all_patterns() if r"\u10FFFF" in it)
    assert patterns.matches(pattern, text)
