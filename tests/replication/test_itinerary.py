"""The order in which the manifests of an image travel."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from twinport.model.content import Digest
from twinport.replication.itinerary import children_first

MANIFESTS = [Digest.of(bytes([number])) for number in range(12)]
# A manifest can only refer to what was there before it: edges lead from later to earlier ones.
graphs = st.fixed_dictionaries(
    {
        digest: st.lists(st.sampled_from(MANIFESTS[:number]), max_size=4) if number else st.just([])
        for number, digest in enumerate(MANIFESTS)
    }
)


@given(graphs)
def test_no_parent_is_placed_before_its_child_and_each_is_placed_once(graph: dict[Digest, list[Digest]]) -> None:
    order = children_first(MANIFESTS[-1], graph)
    assert len(order) == len(set(order))
    assert order[-1] == MANIFESTS[-1]
    for place, digest in enumerate(order):
        assert set(graph[digest]) <= set(order[:place])


@given(graphs)
def test_everything_that_can_be_reached_is_placed_and_nothing_else(graph: dict[Digest, list[Digest]]) -> None:
    reached: set[Digest] = set()
    ahead = {MANIFESTS[-1]}
    while ahead:
        reached |= ahead
        ahead = {child for digest in ahead for child in graph[digest]} - reached
    assert set(children_first(MANIFESTS[-1], graph)) == reached


def test_a_chain_deeper_than_the_stack_of_calls_is_ordered() -> None:
    chain = [Digest.of(str(number).encode()) for number in range(5000)]
    graph = {parent: [child] for child, parent in pairwise(chain)}
    assert children_first(chain[-1], graph) == tuple(chain)
