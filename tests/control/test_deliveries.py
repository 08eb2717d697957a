"""What the control door shows of deliveries, and to which clients."""

from datetime import timedelta

import orjson
import pytest

from tests.fakes import NOW, OTHER_ACCOUNT, OTHER_REGION, REGISTRY
from twinport.control.deliveries import DeliveryQuery, parse_query
from twinport.control.door import ControlDoor
from twinport.control.health import Readiness
from twinport.http.admission import admission_of
from twinport.http.messages import Answer, Message, Request
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import DeliveryPage, DeliveryReport, DeliveryState
from twinport.refusals.requests import BadName, DeliveryUnknown
from twinport.settings.open_accounts import OpenAccounts

QUERY = f"account={REGISTRY.account}&region={REGISTRY.region}"
OF_A_STRANGER = f"account={REGISTRY.account}&region=mars-1"
SESSION = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForECRReplication/one"
REPORT = DeliveryReport(
    id="one",
    destination=Registry(OTHER_ACCOUNT, OTHER_REGION),
    repository=RepositoryName("team/api"),
    digest=Digest.of(b"image"),
    tag="1.4",
    position=Position(1, 1),
    state=DeliveryState.COMPLETE,
    failure_code=None,
    reason=None,
    attempts=1,
    created_at=NOW,
    settled_at=NOW + timedelta(seconds=2),
    bytes_carried=5,
    carried_by=SESSION,
)


async def test_a_delivery_tells_who_carried_it_and_how_long_it_took() -> None:
    answer = await ask(door(OpenAccounts.LOCAL), QUERY)
    [shown] = orjson.loads(answer.body)["deliveries"]
    assert (shown["carried_by"], shown["seconds"], shown["bytes_carried"]) == (SESSION, 2.0, 5)


async def test_deliveries_are_not_shown_where_accounts_are_closed() -> None:
    assert (await ask(door(OpenAccounts.CLOSED), QUERY)).status == 403


async def test_a_query_without_a_region_is_refused() -> None:
    assert (await ask(door(OpenAccounts.LOCAL), f"account={REGISTRY.account}")).status == 400


@pytest.mark.parametrize(
    "query", ["", "region=eu-west-1", f"{QUERY}&region=us-east-1", "account=1&region=eu-west-1", OF_A_STRANGER]
)
def test_a_registry_is_an_account_and_a_region(query: str) -> None:
    with pytest.raises(BadName):
        parse_query(query, (REGISTRY.region,))


def test_a_page_has_a_hundred_deliveries_unless_another_number_is_asked_for() -> None:
    assert parse_query(QUERY, (REGISTRY.region,)) == DeliveryQuery(REGISTRY, 100, None)
    assert parse_query(f"{QUERY}&limit=1000&before=one", (REGISTRY.region,)) == DeliveryQuery(REGISTRY, 1000, "one")


@pytest.mark.parametrize("more", ["limit=0", "limit=1001", "limit=", "limit=-1", "limit=²", "limit=1&limit=2"])
def test_a_page_has_between_one_and_a_thousand_deliveries(more: str) -> None:
    with pytest.raises(BadName, match="'limit'"):
        parse_query(f"{QUERY}&{more}", (REGISTRY.region,))


async def test_an_answer_names_the_delivery_after_which_the_next_page_begins() -> None:
    assert orjson.loads((await ask(door(OpenAccounts.LOCAL), QUERY)).body)["next"] == "one"


async def test_a_page_after_an_unknown_delivery_is_refused_and_says_how_to_begin() -> None:
    answer = await ask(door(OpenAccounts.LOCAL), f"{QUERY}&before=none")
    assert (answer.status, b"ask without it to begin with the newest" in answer.body) == (400, True)


def door(opening: OpenAccounts) -> ControlDoor:
    async def reset() -> None:
        """Nothing is there to empty."""

    async def metrics(_request: Request) -> Answer:
        return Answer(200)

    return ControlDoor(
        admission_of((), None, ()), opening, (REGISTRY.region,), reset, one_delivery, Readiness({}), metrics
    )


async def one_delivery(source: Registry, limit: int, before: str | None) -> DeliveryPage:
    assert limit > 0
    if before is not None:
        raise DeliveryUnknown(before)
    return DeliveryPage((REPORT,) if source == REGISTRY else (), "one")


async def ask(door: ControlDoor, query: str) -> Answer:
    async def receive() -> Message:
        return {"type": "http.request"}

    path = "/_twinport/deliveries"
    answer = await door.answer(Request("GET", path, path, query, (), "127.0.0.1", "http", "request", receive))
    assert isinstance(answer, Answer)
    return answer
