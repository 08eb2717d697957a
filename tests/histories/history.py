"""What clients asked, when, and what they heard: a history, which is written to a file and read again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tests.histories.linearizable import NEVER


class Kind(Enum):
    PUT = "put"
    """Push the manifest of an image under a tag."""
    READ_TAG = "read tag"
    READ_DIGEST = "read digest"
    DELETE_TAG = "delete tag"
    """Remove a tag as ECR does: the last one takes its image with it."""
    UNTAG = "untag"
    """Remove a tag as the registry protocol does: its image stays."""
    DELETE_IMAGE = "delete image"
    """Remove an image with all its tags."""
    STATUS = "status"
    """Ask how far the copies of an image are."""
    PULL = "pull"
    """Fetch every byte of an image whose manifest was just read, or whose copy was said to be complete."""


class Heard(Enum):
    DONE = "done"
    ABSENT = "absent"
    """The answer is that what was named is not there."""
    REFUSED = "refused"
    """The answer is that nothing was changed."""
    UNKNOWN = "unknown"
    """No answer came, or one that does not say."""
    WRONG = "wrong"
    """An answer that no client should ever hear."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository of one registry."""

    account: str
    region: str
    repository: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.repository}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a client asked. `digest` is what was named, or what was heard; `said` are further words."""

    client: int
    kind: Kind
    place: Place
    began: float
    ended: float
    heard: Heard
    tag: str | None = None
    digest: str | None = None
    said: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = " ".join(word for word in (self.tag, (self.digest or "")[:19], *self.said) if word)
        asked = f"client {self.client}: {self.kind.value} {self.place} {named}"
        return f"[{self.began:9.4f} {self.ended:9.4f}] {asked} → {self.heard.value}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox as it was at the end, and what the destination remembers of it."""

    id: str
    source: Place
    destination: Place
    digest: str
    tag: str | None
    position: tuple[int, int]
    state: str
    arrivals: int


@dataclass(frozen=True, slots=True)
class History:
    """Everything that was seen of one run."""

    operations: tuple[Operation, ...]
    copies: Mapping[Place, tuple[Place, ...]]
    """Where the images of a repository are to be copied."""
    final: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    """The tags of each repository in the end, when nothing was under way any more, and what they named."""
    deliveries: tuple[Delivery, ...] = ()
    applied: Mapping[tuple[Place, str], tuple[int, int]] = field(default_factory=dict)
    """The position that a destination remembers for a tag."""
    settled: tuple[str, ...] = ()
    """The deliveries that the logs call settled as complete, as often as they do."""
    unsettled: tuple[str, ...] = ()
    """What was still under way when waiting had to end."""


def write(history: History, folder: Path) -> None:
    """Write a history as lines of JSON, the operations in the order of their beginnings."""
    folder.mkdir(parents=True, exist_ok=True)
    operations = sorted(history.operations, key=lambda each: each.began)
    (folder / "operations.jsonl").write_text("".join(f"{_line(each)}\n" for each in operations))
    (folder / "deliveries.jsonl").write_text("".join(f"{_line(each)}\n" for each in history.deliveries))
    final = {str(place): dict(tags) for place, tags in history.final.items()}
    (folder / "final.json").write_text(json.dumps(final, indent=1))


def read_operations(folder: Path) -> Iterator[Operation]:
    """Read the operations of a history again."""
    for line in (folder / "operations.jsonl").read_text().splitlines():
        facts = json.loads(line)
        yield Operation(
            **{
                **facts,
                "kind": Kind(facts["kind"]),
                "heard": Heard(facts["heard"]),
                "place": Place(**facts["place"]),
                "ended": NEVER if facts["ended"] is None else facts["ended"],
                "said": tuple(facts["said"]),
            }
        )


def _line(each: Operation | Delivery) -> str:
    return json.dumps({name: _plain(value) for name, value in asdict(each).items()})


def _plain(value: Any) -> Any:  # noqa: ANN401 — whatever a field holds
    if isinstance(value, Enum):
        return value.value
    return None if value == NEVER else value


def of_kind(operations: Iterable[Operation], *kinds: Kind) -> list[Operation]:
    return [each for each in operations if each.kind in kinds]
