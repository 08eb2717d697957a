"""What a push owes."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import OTHER_ACCOUNT, OTHER_REGION, REGISTRY
from twinport.landing import planner
from twinport.model.content import Digest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration, ReplicationRule

DIGEST = Digest.of(b"image")
NAME = RepositoryName("prod/api")
FAR = Registry(REGISTRY.account, OTHER_REGION)
PARTNER = Registry(OTHER_ACCOUNT, REGISTRY.region)

registries = st.builds(
    Registry,
    st.sampled_from([REGISTRY.account, OTHER_ACCOUNT, AccountId("333333333333")]),
    st.sampled_from([REGISTRY.region, OTHER_REGION, RegionName("ap-south-1")]),
)
rules = st.builds(
    ReplicationRule,
    st.lists(registries, max_size=4).map(tuple),
    st.lists(st.sampled_from(["pr", "prod/", "prod/api", "dev", "prod-"]), max_size=3).map(tuple),
)
configurations = st.lists(rules, max_size=6)


def plan(*given_rules: ReplicationRule) -> tuple[PlannedDelivery, ...]:
    return planner.plan(ReplicationConfiguration(given_rules), REGISTRY.repository(NAME), DIGEST, ("1.4",))


def test_an_image_goes_to_the_union_of_the_destinations_of_every_rule_that_selects_it() -> None:
    planned = plan(ReplicationRule((FAR,), ("prod",)), ReplicationRule((PARTNER, FAR)), ReplicationRule((), ("prod",)))
    assert planned == tuple(PlannedDelivery(to, NAME, DIGEST, "1.4") for to in sorted((FAR, PARTNER)))


def test_a_prefix_that_is_not_the_beginning_of_the_name_selects_nothing() -> None:
    assert plan(ReplicationRule((FAR,), ("api", "prod/apis", "prod-"))) == ()


@given(configurations, st.randoms())
def test_planning_ignores_the_order_of_rules(given_rules: list[ReplicationRule], random: object) -> None:
    shuffled = list(given_rules)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis' own Random
    assert plan(*shuffled) == plan(*given_rules)


@given(configurations)
def test_nothing_is_planned_home_and_each_destination_once(given_rules: list[ReplicationRule]) -> None:
    destinations = [planned.destination for planned in plan(*given_rules)]
    assert REGISTRY not in destinations
    assert len(destinations) == len(set(destinations))


@given(configurations)
def test_what_is_planned_is_exactly_what_some_selecting_rule_names(given_rules: list[ReplicationRule]) -> None:
    wanted = {to for rule in given_rules if rule.selects(NAME) for to in rule.destinations} - {REGISTRY}
    assert {planned.destination for planned in plan(*given_rules)} == wanted
