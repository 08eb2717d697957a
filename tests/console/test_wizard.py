"""The wizard: which steps a draft takes, what is wrong with a step, and the rule that comes of it."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY
from twinport.console import wizard
from twinport.console.visits import Fields
from twinport.console.wizard import AccountRow, Draft, Step
from twinport.errors import LimitReached
from twinport.model.names import RegionName, Registry
from twinport.model.replication import ReplicationConfiguration, ReplicationRule

THIRD = RegionName("ap-east-1")
KNOWN = (REGION, OTHER_REGION, THIRD)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
drafts = st.builds(
    Draft,
    st.booleans(),
    st.booleans(),
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.builds(AccountRow, texts, st.lists(texts, max_size=3).map(tuple)), max_size=4).map(tuple),
    st.lists(texts, max_size=4, unique=True).map(tuple),
)


def draft(query: str) -> Draft:
    return Draft.parse(Fields.parse(query))


@given(drafts)
def test_a_draft_survives_the_address_that_carries_it(given: Draft) -> None:
    assert draft(urlencode(given.pairs())) == given


@given(drafts, st.sampled_from(Step))
def test_going_on_and_back_again_leads_to_the_same_step(given: Draft, at: Step) -> None:
    path = wizard.steps(given)
    if at in path and at is not Step.REVIEW:
        assert wizard.turn(given, wizard.turn(given, at, backwards=False), backwards=True) is at


def test_steps_that_the_types_do_not_ask_for_are_left_out() -> None:
    assert wizard.steps(draft("type=region")) == [Step.TYPES, Step.REGIONS, Step.FILTERS, Step.REVIEW]
    assert wizard.steps(draft("type=account")) == [Step.TYPES, Step.ACCOUNTS, Step.FILTERS, Step.REVIEW]


def test_the_inputs_of_the_step_that_is_shown_are_not_hidden_too() -> None:
    whole = draft(f"type=region&region={OTHER_REGION}&account0={OTHER_ACCOUNT}&account0-region={THIRD}&filter=team/")
    for step, names in (
        (Step.TYPES, {"type"}),
        (Step.REGIONS, {"region"}),
        (Step.ACCOUNTS, {"account0", "account0-region"}),
        (Step.FILTERS, {"filter"}),
    ):
        hidden = {name for name, _ in whole.pairs(without=step)}
        assert hidden.isdisjoint(names)
        assert hidden | names == {name for name, _ in whole.pairs()}


def test_a_rule_has_each_destination_once_and_none_that_its_types_leave_out() -> None:
    query = f"region={OTHER_REGION}&region={OTHER_REGION}&account3={OTHER_ACCOUNT}&account3-region={THIRD}&filter=team/"
    own, other = Registry(ACCOUNT, OTHER_REGION), Registry(OTHER_ACCOUNT, THIRD)
    assert draft(f"type=region&{query}").rule(REGISTRY) == ReplicationRule((own,), ("team/",))
    assert draft(f"type=region&type=account&{query}").rule(REGISTRY) == ReplicationRule((own, other), ("team/",))


@pytest.mark.parametrize(
    ("query", "step"),
    [
        ("", Step.TYPES),
        ("type=nonsense", Step.TYPES),
        ("type=region", Step.REGIONS),
        (f"type=region&region={REGION}", Step.REGIONS),
        ("type=region&region=atlantis-1", Step.REGIONS),
        ("type=account", Step.ACCOUNTS),
        (f"type=account&account0={OTHER_ACCOUNT}", Step.ACCOUNTS),
        (f"type=account&account0={ACCOUNT}&account0-region={THIRD}", Step.ACCOUNTS),
        (f"type=account&account0=1&account0-region={THIRD}", Step.ACCOUNTS),
        (f"type=account&account0={OTHER_ACCOUNT}&account0-region=atlantis-1", Step.ACCOUNTS),
        (f"type=region&region={THIRD}&filter=a", Step.FILTERS),
        (f"type=region&region={THIRD}&filter=Team", Step.FILTERS),
        (f"type=region&region={THIRD}&filter=/team", Step.FILTERS),
        (f"type=region&region={THIRD}&filter={'a' * 257}", Step.FILTERS),
        (f"type=region&region={THIRD}&" + "&".join(f"filter=team{number}" for number in range(101)), Step.FILTERS),
    ],
)
def test_what_is_missing_or_wrong_is_found_at_its_step(query: str, step: Step) -> None:
    assert wizard.first_problem(draft(query), REGISTRY, KNOWN) is step


@pytest.mark.parametrize("text", ["prod-", "team/", "team/api", "a.b_c-d", "aa"])
def test_beginnings_of_names_are_filters(text: str) -> None:
    assert wizard.first_problem(draft(f"type=region&region={THIRD}&filter={text}"), REGISTRY, KNOWN) is None


def test_a_registry_has_no_more_rules_than_its_wire_format_takes() -> None:
    full = ReplicationConfiguration((ReplicationRule(()),) * wizard.MOST_RULES)
    wizard.check_count(full)
    with pytest.raises(LimitReached):
        wizard.check_count(wizard.with_rule(full, ReplicationRule(())))


def test_one_rule_is_taken_out_and_the_others_stay_in_their_order() -> None:
    rules = [ReplicationRule((), (prefix,)) for prefix in ("one", "two", "three")]
    before = ReplicationConfiguration(tuple(rules))
    assert wizard.without_rule(before, 2) == ReplicationConfiguration((rules[0], rules[2]))
    assert wizard.with_rule(wizard.without_rule(before, 3), rules[2]) == before
