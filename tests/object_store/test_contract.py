"""What every blob store promises, kept by objects in a bucket of a real store."""

from collections.abc import Awaitable, Callable

import pytest

from tests.blobs.blob_store_contract import CONTRACT, Factory


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_an_object_store_keeps_its(promise: Callable[[Factory], Awaitable[None]], new_store: Factory) -> None:
    await promise(new_store)
