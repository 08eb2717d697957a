"""What `make fuzz` looks for at length, tried briefly: the seeds, what resembles them, and bytes of any kind."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS, grammar, json_inputs, manifests, query_inputs, seeds_of, signatures

PURE: dict[str, Callable[[bytes], None]] = {
    "grammar": grammar,
    "manifests": manifests,
    "signatures": signatures,
    "json": json_inputs,
    "query": query_inputs,
}


def resembling(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Make bytes that begin as one seed and end as another, with something else between."""
    places = st.integers(0, max(len(seed) for seed in seeds))
    return st.builds(
        lambda first, to, between, second, since: first[:to] + between + second[since:],
        st.sampled_from(seeds),
        places,
        st.binary(max_size=20),
        st.sampled_from(seeds),
        places,
    )


def test_every_target_has_seeds() -> None:
    assert {path.name for path in SEEDS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize("target", PURE)
@settings(deadline=None)
@given(st.data())
def test_whatever_a_parser_is_given_it_reads_or_refuses(target: str, data: st.DataObject) -> None:
    PURE[target](data.draw(st.binary() | resembling(seeds_of(target))))


@pytest.mark.parametrize("target", PURE)
def test_a_parser_bears_its_seeds(target: str) -> None:
    for seed in seeds_of(target):
        PURE[target](seed)
