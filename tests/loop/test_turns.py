"""Every route with its largest body: no turn of the event loop takes long."""

import pytest

from tests.loop import cases
from tests.loop.cases import Verb
from tests.loop.deployment import Deployment

MOST_SECONDS = 0.050
TRIES = 3
VERBS = cases.verbs()
# These empty the server, or end the session of the console: they come last, in this order.
_LAST = [("Console", "POST /console/sign-out"), ("Control", "POST /_twinport/reset")]


def in_order(verb: Verb) -> tuple[int, Verb]:
    return (_LAST.index(verb) + 1 if verb in _LAST else 0, verb)


IN_ORDER: list[Verb] = sorted(VERBS, key=in_order)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_route_has_a_largest_request(verb: Verb) -> None:
    assert cases.of(verb) is not None, f"tests/loop/cases.py has no largest request for '{' '.join(verb)}'"


@pytest.mark.parametrize("verb", IN_ORDER, ids=" ".join)
def test_no_turn_of_the_loop_takes_long(deployment: Deployment, verb: Verb) -> None:
    wrong = _wrong(deployment, verb)
    # Python collects garbage in any turn, so what is long must be long again.
    for _ in range(TRIES - 1):
        if wrong:
            wrong = _wrong(deployment, verb)
    assert not wrong, "\n".join(wrong)


def _wrong(deployment: Deployment, verb: Verb) -> list[str]:
    """Send the largest requests of a verb, and tell what was wrong."""
    case = cases.of(verb)
    assert case is not None
    found = [_sent(deployment, request) for request in case(deployment)]
    return [each for each in found if each]


def _sent(deployment: Deployment, request: bytes) -> str | None:
    """Send a request, and tell what was wrong."""
    deployment.turns.longest()
    answer = deployment.send(request)
    turn = deployment.longest_turn()
    if answer.status < 500 and turn.seconds < MOST_SECONDS:
        return None
    return f"{len(request)} bytes, answered {answer.status} {answer.body[:100]!r}: {turn}"
