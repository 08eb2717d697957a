"""What is kept by the partition's generation: true for one generation, and read once a request."""

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import caller
from twinport.access.generations import SAME_REQUEST, ByGeneration, Generations


@dataclass
class Counter:
    """A partition that counts how often its generation is read. It stands for the whole catalog."""

    generations: list[int] = field(default_factory=list)
    value: int = 7
    elapsed: "Elapsed | None" = None

    @property
    def partition(self) -> "Counter":
        return self

    async def generation(self) -> int:
        self.generations.append(self.value)
        if self.elapsed is not None:
            self.elapsed.seconds += SAME_REQUEST.total_seconds()
        return self.value


@dataclass
class Elapsed:
    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds


async def test_a_request_uses_the_generation_of_its_credentials() -> None:
    partition, elapsed = Counter(), Elapsed()
    generations = Generations(partition, elapsed)  # type: ignore[arg-type]  # of a catalog, only this is used
    asking = replace(caller(), reading=await generations.read())
    partition.value = 8
    assert await generations.at(asking) == 7
    assert partition.generations == [7]


async def test_a_request_that_waited_reads_the_generation_again() -> None:
    partition, elapsed = Counter(), Elapsed()
    generations = Generations(partition, elapsed)  # type: ignore[arg-type]  # as above
    asking = replace(caller(), reading=await generations.read())
    partition.value, elapsed.seconds = 8, SAME_REQUEST.total_seconds()
    assert await generations.at(asking) == 8


async def test_a_slow_database_is_asked_once_a_request_too() -> None:
    elapsed = Elapsed()
    partition = Counter(elapsed=elapsed)
    generations = Generations(partition, elapsed)  # type: ignore[arg-type]  # as above
    asking = replace(caller(), reading=await generations.read())
    assert await generations.at(asking) == 7
    assert partition.generations == [7]


async def test_a_caller_without_a_reading_reads_the_generation() -> None:
    partition = Counter()
    generations = Generations(partition, Elapsed())  # type: ignore[arg-type]  # as above
    assert [await generations.at(caller()) for _ in range(2)] == [7, 7]
    assert partition.generations == [7, 7]


def test_a_reading_is_no_fact_of_its_caller() -> None:
    assert replace(caller(), reading=None) == caller()


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=40))
def test_what_is_found_was_kept_at_that_generation(steps: list[tuple[int, int]]) -> None:
    kept: ByGeneration[int, tuple[int, int]] = ByGeneration(3)
    newest = 0
    for number, (generation, key) in enumerate(steps):
        found = kept.get(generation, key)
        assert found is None or found[0] == generation
        kept.keep(generation, key, (generation, number))
        newest = max(newest, generation)
        assert kept.get(generation, key) == ((generation, number) if generation == newest else None)


@given(st.lists(st.integers(0, 20), max_size=60))
def test_no_more_is_kept_than_the_bound(keys: list[int]) -> None:
    kept: ByGeneration[int, int] = ByGeneration(5)
    for key in keys:
        kept.keep(1, key, key)
    assert sum(kept.get(1, key) is not None for key in range(21)) <= 5
