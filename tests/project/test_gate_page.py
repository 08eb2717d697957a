"""The page of what the gate is asked: which verbs it must hold, and what stops it from being written."""

import pytest

from tests import doors
from tools import list_gate

VERBS = {verb for group in list_gate.verbs(doors.built()).values() for verb in group}
HEALTH = {"doors": ["twinport.control.door:_health"], "action": "a:b", "resource": "*", "context": [], "test": "t"}


def test_the_page_holds_every_verb_of_every_door() -> None:
    parts = {part.partition("\n")[0]: part for part in list_gate.PAGE.read_text().split("\n## ")}
    missing = [
        (title, verb)
        for title, verb in VERBS - list_gate.FREE.keys()
        if f"\n| {verb} |".replace("`", "") not in parts[title].replace("`", "")
    ]
    assert not missing


def test_a_verb_that_asked_nothing_is_named() -> None:
    with pytest.raises(SystemExit) as stopped:
        list_gate.page([])
    [said] = str(stopped.value).splitlines()
    assert set(said.removeprefix("these asked the gate nothing: ").split("; ")) == {
        " ".join(verb) for verb in VERBS - list_gate.FREE.keys()
    }


def test_a_verb_that_is_free_and_asks_all_the_same_is_named() -> None:
    with pytest.raises(SystemExit, match=r"asks? nothing, and asked: Control GET, HEAD, OPTIONS /_twinport/health$"):
        list_gate.page([HEALTH])


def test_a_question_from_no_verb_stops_the_page() -> None:
    with pytest.raises(SystemExit, match=r"not clear which verb asked for a:b: twinport\.oci\.unknown:f"):
        list_gate.page([HEALTH | {"doors": ["twinport.oci.unknown:f"]}])
