"""Deleting a layer by itself (the registry protocol's deletion of a blob): what it takes, and what it leaves alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, OTHER, Dump
from tests.registry.serving import path_of
from twinport.catalog.ports import WholeCatalog
from twinport.model.content import Digest
from twinport.refusals.images import LayerNotFound, LayerReferenced, LayersMissing, RepositoryNotFound

CONFIG, LAYER = b"config", b"a layer"


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return dump


async def remove(dump: Dump, digest: Digest) -> None:
    await dump.layers.remove(ME, REGISTRY.repository(API), digest)


async def test_a_deleted_layer_is_gone_at_once_and_its_bytes_go_later(dump: Dump) -> None:
    digest = await dump.upload(LAYER)
    await remove(dump, digest)
    assert not await dump.has(digest)
    with pytest.raises(LayerNotFound):
        await dump.layers.find(ME, REGISTRY.repository(API), digest)
    assert dump.files()
    await dump.settle()
    assert not dump.files()


async def test_a_layer_that_an_image_names_stays(dump: Dump) -> None:
    image = await dump.push(CONFIG, LAYER)
    with pytest.raises(LayerReferenced):
        await remove(dump, Digest.of(LAYER))
    assert await dump.has(Digest.of(LAYER))
    await dump.delete(image)
    await remove(dump, Digest.of(LAYER))
    assert not await dump.has(Digest.of(LAYER))


async def test_what_another_repository_holds_is_not_touched(dump: Dump) -> None:
    digest = await dump.upload(LAYER)
    assert await dump.mount(digest)
    await dump.put(LAYER, name=OTHER)
    await remove(dump, digest)
    await dump.settle()
    assert await dump.has(digest, OTHER)
    assert dump.file_of(LAYER).exists()


async def test_an_image_can_no_longer_be_pushed_upon_a_deleted_layer(dump: Dump) -> None:
    for content in (CONFIG, LAYER):
        await dump.upload(content)
    await remove(dump, Digest.of(LAYER))
    with pytest.raises(LayersMissing):
        await dump.put(CONFIG, LAYER)


async def test_a_layer_that_comes_again_before_its_bytes_went_is_whole(dump: Dump) -> None:
    digest = await dump.upload(LAYER)
    await remove(dump, digest)
    await dump.sweep(timedelta(minutes=1))
    await dump.push(CONFIG, LAYER)
    await dump.settle()
    assert path_of(await dump.layers.find(ME, REGISTRY.repository(API), digest)).read_bytes() == LAYER


async def test_what_is_not_there_cannot_be_deleted(dump: Dump) -> None:
    with pytest.raises(LayerNotFound):
        await remove(dump, Digest.of(b"nothing"))
    await dump.drop()
    with pytest.raises(RepositoryNotFound):
        await remove(dump, Digest.of(b"nothing"))
