"""Which repositories a registry's scanning rules choose, and when their images are scanned."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.model.scanning import (
    AppliedScanning,
    ScanFrequency,
    ScanningConfiguration,
    ScanningRule,
    ScanType,
    Severity,
    counted,
    filter_matches,
    is_scannable,
)
from twinport.refusals.requests import InvalidParameter

ON_PUSH, CONTINUOUS, MANUAL = ScanFrequency.SCAN_ON_PUSH, ScanFrequency.CONTINUOUS_SCAN, ScanFrequency.MANUAL
NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")
PATTERNS = st.text("ab*/", min_size=1, max_size=8)
FILTERS = st.lists(PATTERNS, max_size=3).map(tuple)
RULES = st.lists(st.builds(ScanningRule, st.sampled_from(ScanFrequency), FILTERS), max_size=3).map(tuple)
SHORT_NAMES = st.text("ab/", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("prod", NAMES),
        ("*prod", ("prod", "repo-prod")),
        ("prod*", ("prod", "prod-repo", "prodrepo")),
        ("*prod*", NAMES),
        ("prod*repo", ("prod-repo", "prodrepo")),
    ],
)
def test_filters_match_as_in_the_table_of_the_user_guide(pattern: str, matched: tuple[str, ...]) -> None:
    assert tuple(name for name in NAMES if filter_matches(pattern, name)) == matched


@given(PATTERNS, SHORT_NAMES)
def test_a_filter_matches_what_its_regular_expression_matches(pattern: str, name: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*"))) if "*" in pattern else f".*{re.escape(pattern)}.*"
    assert filter_matches(pattern, name) == (re.fullmatch(expression, name) is not None)


@given(RULES, SHORT_NAMES, st.booleans())
def test_the_order_of_rules_does_not_decide_when_a_repository_is_scanned(
    rules: tuple[ScanningRule, ...],
    name: str,
    scan_on_push: bool,  # noqa: FBT001 — drawn by Hypothesis
) -> None:
    found = {
        (applied.frequency, frozenset(applied.filters))
        for order in permutations(rules)
        for applied in [ScanningConfiguration(ScanType.ENHANCED, order).applied(name, scan_on_push=scan_on_push)]
    }
    assert len(found) == 1


@given(RULES, SHORT_NAMES)
def test_applied_filters_are_filters_of_that_frequency_that_match(rules: tuple[ScanningRule, ...], name: str) -> None:
    applied = ScanningConfiguration(ScanType.ENHANCED, rules).applied(name, scan_on_push=False)
    wanted = {each for rule in rules if rule.frequency is applied.frequency for each in rule.filters}
    assert set(applied.filters) == {each for each in wanted if filter_matches(each, name)}


def test_continuous_scans_win_over_scans_on_push() -> None:
    rules = (ScanningRule(ON_PUSH, ("team*",)), ScanningRule(CONTINUOUS, ("*api",)))
    configuration = ScanningConfiguration.checked(ScanType.ENHANCED, rules)
    assert configuration.applied("team/api", scan_on_push=False) == AppliedScanning(CONTINUOUS, ("*api",))
    assert configuration.applied("team/web", scan_on_push=False) == AppliedScanning(ON_PUSH, ("team*",))
    assert configuration.applied("other", scan_on_push=False) == AppliedScanning(MANUAL)


@pytest.mark.parametrize(
    ("scan_type", "scan_on_push", "frequency"),
    [
        (ScanType.BASIC, True, ON_PUSH),
        (ScanType.BASIC, False, MANUAL),
        (ScanType.ENHANCED, True, MANUAL),
    ],
)
def test_the_repositorys_own_setting_is_for_basic_scans(
    scan_type: ScanType,
    scan_on_push: bool,  # noqa: FBT001 — a parameter of the test
    frequency: ScanFrequency,
) -> None:
    applied = ScanningConfiguration(scan_type).applied("team/api", scan_on_push=scan_on_push)
    assert applied == AppliedScanning(frequency)


@pytest.mark.parametrize(("scan_type", "frequency"), [(ScanType.BASIC, CONTINUOUS), (ScanType.ENHANCED, MANUAL)])
def test_a_frequency_that_the_type_does_not_have_is_refused(scan_type: ScanType, frequency: ScanFrequency) -> None:
    with pytest.raises(InvalidParameter, match=f"scanFrequency {frequency.value} is not supported"):
        ScanningConfiguration.checked(scan_type, [ScanningRule(frequency, ("*",))])


def test_a_filter_has_four_wildcards_at_most() -> None:
    ScanningConfiguration.checked(ScanType.BASIC, [ScanningRule(ON_PUSH, ("*a*b*c*",))])
    with pytest.raises(InvalidParameter, match="at most 4 wildcards"):
        ScanningConfiguration.checked(ScanType.BASIC, [ScanningRule(ON_PUSH, ("*a*b*c*d*",))])


def test_only_images_are_scanned() -> None:
    assert is_scannable("application/vnd.oci.image.config.v1+json")
    assert is_scannable("application/vnd.docker.container.image.v1+json")
    assert not is_scannable("application/vnd.oci.empty.v1+json")
    assert not is_scannable(None)


@given(st.lists(st.sampled_from(Severity)))
def test_every_finding_is_counted_once(severities: list[Severity]) -> None:
    found = counted(severities)
    assert sum(found.values()) == len(severities)
    assert all(found.values())
    assert list(found) == [each for each in Severity if each in severities]
