"""The page of what each operation of ECR honors: what stops it from being written."""

import pytest

from tools import list_ecr

TEXTS = f"@operations {' '.join(list_ecr.built())}\n"


@pytest.fixture(scope="module")
def honored() -> dict[str, list[str]]:
    """Return names such that nothing is wrong: what the notes do not call absent, each with a test."""
    names = {f"{name}.{each.path}" for name, one in list_ecr.built().items() for each in list_ecr.members(one.input)}
    notes = list_ecr.notes()
    for name, operation in list_ecr.built().items():
        names |= {f"{name}.{error.code}" for error in operation.errors if not notes.reason_absent(name, error.code)}
    names |= {each.replace("*", "PutImage") for each in notes.undeclared}
    return {name: ["test_a.py::test_b"] for name in names}


def problems(honored: dict[str, list[str]], without: str = "", beside: str = "", texts: str = TEXTS) -> list[str]:
    kept = {name: tests for name, tests in honored.items() if name != without}
    more = {beside: ["test_a.py::test_b"]} if beside else {}
    return list(list_ecr.problems({**kept, **more}, texts))


def test_the_notes_speak_of_nothing_but_the_model_and_of_each_error(honored: dict[str, list[str]]) -> None:
    assert problems(honored) == []


def test_a_member_without_a_test_is_named(honored: dict[str, list[str]]) -> None:
    assert problems(honored, "PutImage.imageTag") == ["no test honors PutImage.imageTag"]


def test_an_error_that_no_test_meets_is_named_unless_it_is_said_not_to_occur(honored: dict[str, list[str]]) -> None:
    error = "PutImage.ImageAlreadyExistsException"
    assert problems(honored, error) == [f"no test is answered {error}, and no note says why it does not occur"]


def test_an_error_that_is_said_not_to_occur_and_does_is_named(honored: dict[str, list[str]]) -> None:
    error = "DeleteRepository.KmsException"
    [said] = problems(honored, beside=error)
    assert said == f"{error} is said not to occur, and test_a.py::test_b is answered it"


def test_a_mark_that_names_nothing_of_the_model_is_named(honored: dict[str, list[str]]) -> None:
    [said] = problems(honored, beside="PutImage.color")
    assert said == "test_a.py::test_b honors PutImage.color, which is nothing of the model or the notes"


def test_an_operation_has_one_place_in_the_notes(honored: dict[str, list[str]]) -> None:
    assert problems(honored, texts=TEXTS.replace(" PutImage ", " ")) == ["not in one place of the notes: PutImage"]
    twice = problems(honored, texts=f"{TEXTS}@operations PutImage\n")
    assert twice == ["in two places of the notes: PutImage"]


def test_every_error_that_any_operation_may_answer_is_on_the_page() -> None:
    assert list_ecr.has("PutImage.ImageAlreadyExistsException")
    assert list_ecr.has("PutImage.AccessDeniedException")
    assert not list_ecr.has("PutImage.ScanNotFoundException")
    assert not list_ecr.has("PutImage.ValidationException")
