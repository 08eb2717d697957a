"""The keys of issuers: when they are fetched, how long they are kept, and what is remembered of failures."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from twinport.access.issuer_keys import DISCOVERY, FRESH, MOST_ISSUERS, PAUSE, IssuerKeys, JsonKey
from twinport.clock import ManualClock
from twinport.egress.requests import EgressRequest, EgressResponse
from twinport.refusals.egress import Unreachable
from twinport.refusals.oidc import IssuerUnreachable, KeyNotRetrieved

ISSUER = "https://issuer.example"
SECOND = timedelta(seconds=1)


@dataclass
class Web:
    """Issuers of the test's own, all with the same keys."""

    keys: list[JsonKey] = field(default_factory=lambda: [{"kid": "a"}, {"kid": "b"}])
    pages: dict[str, bytes] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    async def fetch(self, request: EgressRequest) -> EgressResponse:
        self.asked.append(request.url)
        await asyncio.sleep(0)
        if self.is_down:
            raise Unreachable("issuer.example", "refused")
        if request.url in self.pages:
            return EgressResponse(200, {}, self.pages[request.url])
        if request.url.endswith(DISCOVERY):
            issuer = request.url.removesuffix(DISCOVERY)
            page: dict[str, object] = {"issuer": f"{issuer}/", "jwks_uri": f"{issuer}/keys"}
        else:
            page = {"keys": self.keys}
        return EgressResponse(200, {}, json.dumps(page).encode())


@dataclass
class Shelf:
    web: Web = field(default_factory=Web)
    wall: ManualClock = field(default_factory=ManualClock)
    given: dict[str, list[JsonKey]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = IssuerKeys(self.web, self.given, self.wall)

    async def find(self, key_id: str | None = "a", issuer: str = ISSUER) -> list[JsonKey]:
        return list(await self.keys.find(issuer, key_id))


async def test_a_key_is_found_by_its_id() -> None:
    assert await Shelf().find("b") == [{"kid": "b"}]


async def test_a_token_without_an_id_has_a_key_only_where_there_is_one() -> None:
    shelf = Shelf()
    with pytest.raises(KeyNotRetrieved):
        await shelf.find(None)
    assert await Shelf(Web(keys=[{"kid": "a"}])).find(None) == [{"kid": "a"}]


async def test_keys_are_fetched_once_for_all_who_ask_together() -> None:
    shelf = Shelf()
    await asyncio.gather(*(shelf.find() for _ in range(20)))
    assert shelf.web.asked == [f"{ISSUER}{DISCOVERY}", f"{ISSUER}/keys"]


async def test_keys_are_fetched_again_when_they_are_no_longer_fresh() -> None:
    shelf = Shelf()
    await shelf.find()
    shelf.wall.advance(FRESH - SECOND)
    await shelf.find()
    assert len(shelf.web.asked) == 2
    shelf.wall.advance(SECOND)
    shelf.web.keys = [{"kid": "c"}]
    with pytest.raises(KeyNotRetrieved):
        await shelf.find("a")
    assert await shelf.find("c") == [{"kid": "c"}]


async def test_a_key_that_is_not_known_is_asked_for_again_after_a_pause() -> None:
    shelf = Shelf()
    await shelf.find()
    shelf.web.keys = [{"kid": "new"}]
    for _ in range(3):
        with pytest.raises(KeyNotRetrieved):
            await shelf.find("new")
    assert len(shelf.web.asked) == 2
    shelf.wall.advance(PAUSE)
    assert await shelf.find("new") == [{"kid": "new"}]


async def test_an_issuer_that_failed_is_left_alone_for_a_moment() -> None:
    shelf = Shelf(Web(is_down=True))
    for _ in range(3):
        with pytest.raises(IssuerUnreachable):
            await shelf.find()
    assert len(shelf.web.asked) == 1
    shelf.web.is_down = False
    shelf.wall.advance(timedelta(seconds=10))
    assert await shelf.find()


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (DISCOVERY, b"not json"),
        (DISCOVERY, b"[]"),
        (DISCOVERY, b'{"issuer": "https://other.example", "jwks_uri": "https://issuer.example/keys"}'),
        (DISCOVERY, b'{"issuer": "https://issuer.example"}'),
        (DISCOVERY, b'{"issuer": 7, "jwks_uri": "https://issuer.example/keys"}'),
        ("/keys", b'{"keys": {}}'),
        ("/keys", b'{"keys": ["a", 7]}'),
        ("/keys", b"[" * 100_000),
    ],
)
async def test_what_an_issuer_says_wrongly_is_no_key(path: str, page: bytes) -> None:
    shelf = Shelf(Web(pages={f"{ISSUER}{path}": page}))
    with pytest.raises(KeyNotRetrieved):
        await shelf.find()


async def test_no_more_issuers_are_remembered_than_the_bound() -> None:
    shelf = Shelf()
    for n in range(MOST_ISSUERS + 1):
        await shelf.find(issuer=f"https://issuer-{n}.example")
    shelf.web.asked.clear()
    await shelf.find(issuer="https://issuer-1.example")
    assert shelf.web.asked == []
    await shelf.find(issuer="https://issuer-0.example")
    assert len(shelf.web.asked) == 2


async def test_keys_that_are_given_are_never_fetched() -> None:
    shelf = Shelf(given={ISSUER: [{"kid": "given"}]})
    assert await shelf.find("given") == [{"kid": "given"}]
    with pytest.raises(KeyNotRetrieved):
        await shelf.find("a")
    assert shelf.web.asked == []
