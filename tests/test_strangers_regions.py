"""A stranger may name any Region: one that is not served is refused before anything is looked up or kept for it."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.asgi import Reply, ask
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import Database
from twinport.clock import Clock
from twinport.composition import app
from twinport.composition.app import App
from twinport.http.messages import Door
from twinport.model.names import RegionName
from twinport.settings.loading import Settings, load

Way = Callable[[Callable[[str], Door], str], Awaitable[Reply]]
ACCOUNT = "111122223333"
BASIC = f"Basic {base64.b64encode(b'111122223333:test').decode()}"


def token(region: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"k": ACCOUNT, "r": region, "e": 1 << 40}).encode()).decode()
    return f"Basic {base64.b64encode(f'AWS:{claims}.1234abcd.{0:064}'.encode()).decode()}"


def signed(scope: str) -> tuple[tuple[str, str], ...]:
    credential = f"Credential={ACCOUNT}/20261129/{scope}/ecr/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host;x-amz-date, Signature={0:064}"
    target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
    return ("authorization", authorization), ("x-amz-date", "20261129T000000Z"), ("x-amz-target", target)


async def by_token(doors: Callable[[str], Door], region: str) -> Reply:
    return await ask(doors("/v2/"), "GET", "/v2/", headers=[("authorization", token(region))])


async def by_host(doors: Callable[[str], Door], region: str) -> Reply:
    host = f"{ACCOUNT}.dkr.ecr.{region}.localhost:4566"
    return await ask(doors("/v2/"), "GET", "/v2/", headers=[("authorization", BASIC)], host=host)


async def by_path(doors: Callable[[str], Door], region: str) -> Reply:
    target = f"/v2/{ACCOUNT}/{region}/team/api/manifests/1"
    return await ask(doors("/v2/"), "GET", target, headers=[("authorization", token(region))])


async def by_layer_address(doors: Callable[[str], Door], region: str) -> Reply:
    target = f"/_layers/{ACCOUNT}/{region}/team/api@sha256:{0:064}?expires=99999999999&signature=1234abcd.{0:064}"
    return await ask(doors("/_layers/"), "GET", target)


async def by_signature(doors: Callable[[str], Door], region: str) -> Reply:
    return await ask(doors("/"), "POST", "/", body=b"{}", headers=signed(region))


async def by_presigned_signature(doors: Callable[[str], Door], region: str) -> Reply:
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCOUNT}%2F20261129%2F{region}%2Fsts%2Faws4_request"
    rest = f"X-Amz-Date=20261129T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={0:064}"
    target = f"/?Action=GetCallerIdentity&Version=2011-06-15&{query}&{rest}"
    return await ask(doors("/"), "GET", target)


async def by_console(doors: Callable[[str], Door], region: str) -> Reply:
    return await ask(doors("/console/"), "GET", f"/console/{region}/repositories")


async def by_deliveries(doors: Callable[[str], Door], region: str) -> Reply:
    return await ask(doors("/_twinport/"), "GET", f"/_twinport/deliveries?account={ACCOUNT}&region={region}")


WAYS = [
    by_token,
    by_host,
    by_path,
    by_layer_address,
    by_signature,
    by_presigned_signature,
    by_console,
    by_deliveries,
]


class Counting(EmbeddedCatalog):
    """Writes down which Regions it is asked for."""

    def __init__(self, settings: Settings, world: Clock) -> None:
        self.asked: list[RegionName] = []
        super().__init__(settings.data, world)

    def region(self, name: RegionName) -> Database:
        self.asked.append(name)
        return super().region(name)


@dataclass(frozen=True)
class Built:
    """The parts, and the catalog beneath the one that is timed: what is looked up in that comes to this."""

    app: App
    catalog: Counting

    def door(self, prefix: str) -> Door:
        return dict(self.app.application.doors)[prefix]


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Built]:
    given = {"data": tmp_path / "data", "open_accounts": True, "basic_access_keys": True}
    opened: list[Counting] = []

    def opening(settings: Settings, world: Clock) -> Counting:
        opened.append(Counting(settings, world))
        return opened[-1]

    built = app.build(load(None, {}, given), opened=opening)
    # The cookies of the console are named for the site.
    await built.tasks.sessions.open()
    [catalog] = opened
    yield Built(built, catalog)
    built.close()


@pytest.mark.parametrize("way", WAYS)
async def test_a_region_that_is_not_served_is_refused_and_not_looked_up(built: Built, way: Way) -> None:
    reply = await way(built.door, "mars-1")
    assert reply.status in (303, 400, 403, 404)
    assert built.catalog.asked == []


@pytest.mark.parametrize("way", [by_token, by_layer_address, by_deliveries])
async def test_a_region_that_is_served_is_looked_up(built: Built, way: Way) -> None:
    await way(built.door, "eu-west-1")
    assert set(built.catalog.asked) == {"eu-west-1"}
