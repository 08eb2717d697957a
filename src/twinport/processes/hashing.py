"""Hashing and parsing of bodies and manifests: in a thread if they are large, else on the event loop.

A hand-over to a thread costs more than a small message takes. At the limit of its size, a manifest takes a fifth of a
second.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from twinport.model.content import Digest
from twinport.processes.pools import MESSAGES

T = TypeVar("T")
_LARGE = 1 << 16


async def run_over(contents: Iterable[bytes], job: Callable[[], T]) -> T:
    """Run a job that hashes or parses `contents`, and return its result. Raises ServerBusy if they are large."""
    is_large = sum(map(len, contents)) > _LARGE
    return await MESSAGES.run(job) if is_large else job()


async def damaged(contents: Mapping[Digest, bytes]) -> list[Digest]:
    """Return the digests of manifests whose bytes are damaged."""
    return await run_over(contents.values(), partial(_damaged, contents))


def _damaged(contents: Mapping[Digest, bytes]) -> list[Digest]:
    return [digest for digest, content in contents.items() if not digest.names(content)]
