"""Presigned layer addresses are bound to everything that they say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import fakes
from twinport.access.sealing import Sealer
from twinport.access.tokens import RegionKeys
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.names import Registry, RepositoryName
from twinport.model.regions import DEFAULT_REGIONS
from twinport.refusals.callers import DownloadForged
from twinport.registry.download_links import DownloadLinks
from twinport.registry.layers import DownloadGrant

DIGEST = Digest.of(b"layer")
GRANT = DownloadGrant(fakes.REGISTRY.repository(RepositoryName("team/api")), DIGEST, fakes.NOW)


@pytest.fixture
def links(tmp_path: Path) -> Iterator[DownloadLinks]:
    world = ManualClock()
    catalog = EmbeddedCatalog(tmp_path, world)
    yield DownloadLinks(RegionKeys(catalog, Sealer({"k": b"1" * 32}, "k"), world, DEFAULT_REGIONS))
    catalog.close()


async def test_an_address_reads_back_as_the_grant_it_was_written_for(links: DownloadLinks) -> None:
    parts = urlsplit(await links.write(GRANT, "http://127.0.0.1:4566"))
    assert await links.read(parts.path, parts.query) == GRANT


@pytest.mark.parametrize(
    "other",
    [
        replace(GRANT, repository=replace(GRANT.repository, registry=Registry(fakes.OTHER_ACCOUNT, fakes.REGION))),
        replace(GRANT, repository=replace(GRANT.repository, registry=Registry(fakes.ACCOUNT, fakes.OTHER_REGION))),
        replace(GRANT, repository=fakes.REGISTRY.repository(RepositoryName("team/apis"))),
        replace(GRANT, digest=Digest.of(b"other")),
        replace(GRANT, expires_at=fakes.NOW + timedelta(seconds=1)),
    ],
)
async def test_a_signature_is_of_no_use_for_another_layer_or_time(links: DownloadLinks, other: DownloadGrant) -> None:
    mine, theirs = urlsplit(await links.write(GRANT, "")), urlsplit(await links.write(other, ""))
    signature = mine.query.partition("signature=")[2]
    expires = theirs.query.partition("&")[0]
    with pytest.raises(DownloadForged):
        await links.read(theirs.path, f"{expires}&signature={signature}")


@pytest.mark.parametrize(
    "query", ["", "expires=1", "signature=a", "expires=x&signature=a", "expires=1&expires=2&signature=a"]
)
async def test_an_address_that_is_not_ours_is_forged(links: DownloadLinks, query: str) -> None:
    with pytest.raises(DownloadForged):
        await links.read(f"/_layers/{fakes.REGISTRY}/team/api@{DIGEST}", query)


@pytest.mark.parametrize("path", ["/_layers/", "/_layers/x/y/z@w", f"/_layers/{fakes.REGISTRY}/../etc@{DIGEST}"])
async def test_a_path_outside_the_grammar_is_forged(links: DownloadLinks, path: str) -> None:
    with pytest.raises(DownloadForged):
        await links.read(path, "expires=1&signature=a.b")


@pytest.mark.parametrize(
    "spelled",
    ["%20{}", "{}%20", "+{}", "%2B{}", "0{}", "{}_0", "{}.0", "%31{}"],
)
async def test_the_time_of_an_address_has_one_spelling(links: DownloadLinks, spelled: str) -> None:
    parts = urlsplit(await links.write(GRANT, ""))
    expires = str(int(GRANT.expires_at.timestamp()))
    written = spelled.format(expires[1:] if spelled.startswith("%31") else expires)
    with pytest.raises(DownloadForged):
        await links.read(parts.path, parts.query.replace(f"expires={expires}", f"expires={written}"))


async def test_an_underscore_within_the_time_is_another_address(links: DownloadLinks) -> None:
    parts = urlsplit(await links.write(GRANT, ""))
    expires = str(int(GRANT.expires_at.timestamp()))
    with pytest.raises(DownloadForged):
        await links.read(parts.path, parts.query.replace(expires, f"{expires[:3]}_{expires[3:]}"))


@pytest.mark.parametrize("more", ["&x=1", "&expires=1", "&", ";"])
async def test_nothing_may_be_added_to_an_address(links: DownloadLinks, more: str) -> None:
    parts = urlsplit(await links.write(GRANT, ""))
    with pytest.raises(DownloadForged):
        await links.read(parts.path, parts.query + more)
