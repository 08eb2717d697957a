"""The decision agrees with every case that was derived from AWS's published rules."""

import pytest

from tests.policies import cases
from twinport.policies.evaluate import Allowed, Denied, decide

CASES = cases.load()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_decision_is_the_expected_one(case: cases.Case) -> None:
    match decide(case.request, case.policies):
        case Allowed():
            assert case.expect == "allowed"
        case Denied(reason=reason):
            assert reason == case.expect


def test_there_are_cases_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 300
