"""The one way out, against servers that try to be reached, to be followed, or never to end."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.certificates import Certified, certify
from twinport.egress.client import Egress
from twinport.egress.requests import Address, EgressRequest, EgressResponse, Permissions
from twinport.refusals.egress import (
    AddressForbidden,
    AnswerTooLarge,
    AnswerTooLate,
    NotFetched,
    TooManyRedirects,
    Unreachable,
    UrlForbidden,
)

LOOPBACK = ip_address("127.0.0.1")
METADATA = ip_address("169.254.169.254")
HOSTS = ("issuer.example", "other.example", "third.example")
Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes, *headers: str, status: str = "200 OK") -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        lines = "".join(f"{each}\r\n" for each in (f"Content-Length: {len(body)}", *headers))
        writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)
        await writer.drain()

    return say


def redirect(url: str, status: str = "302 Found") -> Say:
    return plain(b"", f"Location: {url}", status=status)


@dataclass
class Lookup:
    """Names of the test's own. It remembers what it was asked."""

    names: dict[str, list[Address]] = field(default_factory=lambda: {host: [LOOPBACK] for host in HOSTS})
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        return self.names[host]


@dataclass
class Place:
    """A server on loopback that says what it is told, path by path, and remembers requests as they came."""

    certified: Certified
    port: int = 0
    says: dict[str, Say] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    lookup: Lookup = field(default_factory=Lookup)

    def url(self, path: str = "/", host: str = "issuer.example") -> str:
        return f"https://{host}:{self.port}{path}"

    def egress(self, *networks: str, **members: object) -> Egress:
        allowed = tuple(ip_network(each) for each in networks or ("127.0.0.1/32",))
        values = {"authorities": self.certified.authority, **members}
        return Egress(Permissions(networks=allowed, **values), self.lookup)  # type: ignore[arg-type]

    async def get(self, path: str = "/", host: str = "issuer.example", **members: object) -> EgressResponse:
        return await self.egress().fetch(EgressRequest(self.url(path, host), **members))  # type: ignore[arg-type]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            await self.says[request.split()[1]](writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(certified: Certified) -> AsyncIterator[Place]:
    place = Place(certified)
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certified.chain, certified.key)
    server = await asyncio.start_server(place.answer, "127.0.0.1", 0, ssl=trust)
    place.port = server.sockets[0].getsockname()[1]
    yield place
    server.close()


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("certificates"), *HOSTS, "127.0.0.1")


@pytest.fixture
async def place(certified: Certified) -> AsyncIterator[Place]:
    async with served(certified) as made:
        yield made


async def test_an_answer_comes_whole_whatever_its_status(place: Place) -> None:
    place.says["/"] = plain(b'{"a": 1}', "X-Kind: test", status="404 Not Found")
    answer = await place.get()
    assert (answer.status, answer.headers["x-kind"], answer.body) == (404, "test", b'{"a": 1}')


async def test_loopback_is_not_reached_unless_it_is_listed(place: Place) -> None:
    for host in ("issuer.example", "127.0.0.1"):
        with pytest.raises(AddressForbidden):
            await Egress(Permissions(authorities=place.certified.authority), place.lookup).fetch(
                EgressRequest(place.url("/", host))
            )
    assert place.requests == []


async def test_one_address_that_may_not_be_reached_forbids_a_name(place: Place) -> None:
    place.lookup.names["issuer.example"] = [LOOPBACK, METADATA]
    with pytest.raises(AddressForbidden, match=r"169\.254\.169\.254"):
        await place.get()
    assert place.requests == []


async def test_a_name_is_resolved_once_and_that_address_is_used(place: Place) -> None:
    place.says["/"] = plain(b"ok")
    await place.get()
    # The system knows no such name: nothing else can have led there.
    assert place.lookup.asked == ["issuer.example"]


async def test_a_name_that_leads_elsewhere_at_the_second_look_is_judged_by_the_second(place: Place) -> None:
    place.says["/"] = redirect(place.url("/again"))
    egress = place.egress()
    original = place.lookup.names["issuer.example"]

    async def rebinding(host: str) -> Sequence[Address]:
        place.lookup.asked.append(host)
        return original if len(place.lookup.asked) == 1 else [METADATA]

    egress._lookup = rebinding
    with pytest.raises(AddressForbidden):
        await egress.fetch(EgressRequest(place.url()))


@pytest.mark.parametrize(
    ("where", "refusal"),
    [
        ("http://169.254.169.254/latest/meta-data/", UrlForbidden),
        ("https://169.254.169.254/latest/meta-data/", AddressForbidden),
        ("https://[::ffff:169.254.169.254]/", AddressForbidden),
        ("https://2852039166/", UrlForbidden),
        ("file:///etc/passwd", UrlForbidden),
        ("http://issuer.example/", UrlForbidden),
        ("https://user:secret@issuer.example/", UrlForbidden),
        ("https://[", UrlForbidden),
    ],
)
async def test_a_redirect_is_judged_like_the_first_address(place: Place, where: str, refusal: type[NotFetched]) -> None:
    place.says["/"] = redirect(where)
    with pytest.raises(refusal):
        await place.get()


async def test_redirects_are_followed_so_far_and_no_farther(place: Place) -> None:
    place.says |= {f"/{n}": redirect(f"/{n + 1}", "307 Temporary Redirect") for n in range(10)}
    place.says["/5"] = plain(b"here")
    assert (await place.get("/0")).body == b"here"
    place.says["/5"] = redirect("/6")
    with pytest.raises(TooManyRedirects):
        await place.get("/0")


async def test_what_is_sent_along_is_not_sent_on(place: Place) -> None:
    place.says["/"] = redirect("/elsewhere")
    with pytest.raises(UrlForbidden, match="redirects a POST"):
        await place.get(method="POST", body=b"secret")
    assert len(place.requests) == 1


async def test_credentials_go_to_the_host_they_were_given_for_and_to_no_other(place: Place) -> None:
    place.says["/"] = redirect(place.url("/same"))
    place.says["/same"] = redirect(place.url("/other", "other.example"))
    place.says["/other"] = redirect(place.url("/back"))
    place.says["/back"] = plain(b"")
    await place.get(authorization="Bearer secret")
    carried = ["authorization: bearer secret" in each.lower() for each in place.requests]
    # After a redirect to another host, a redirect back may be that host's wish.
    assert carried == [True, True, False, False]


async def test_cookies_are_not_kept(place: Place) -> None:
    place.says["/"] = plain(b"", "Location: /next", "Set-Cookie: a=b", status="302 Found")
    place.says["/next"] = plain(b"")
    await place.get()
    assert not any("cookie" in each.lower() for each in place.requests)


async def test_an_answer_that_says_it_is_too_long_is_not_read(place: Place) -> None:
    place.says["/"] = plain(b"x" * 101)
    with pytest.raises(AnswerTooLarge):
        await place.get(most_bytes=100)
    assert len((await place.get(most_bytes=101)).body) == 101


async def test_an_answer_that_does_not_end_is_cut_at_its_bound(place: Place) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 10_000)
            await writer.drain()

    place.says["/"] = endless
    with pytest.raises(AnswerTooLarge):
        await place.get(most_bytes=1 << 20)


async def test_what_is_packed_is_not_unpacked(place: Place) -> None:
    place.says["/"] = plain(b"\x1f\x8bpacked", "Content-Encoding: gzip")
    assert (await place.get()).body == b"\x1f\x8bpacked"


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"])
async def test_an_answer_that_does_not_come_is_not_waited_for(place: Place, begun: bytes) -> None:
    async def stall(writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await writer.drain()
        await asyncio.Event().wait()

    place.says["/"] = stall
    with pytest.raises(AnswerTooLate, match=r"within 0\.2 s"):
        await place.get(within=timedelta(seconds=0.2))


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for(place: Place) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    place.says["/"] = drip
    with pytest.raises(AnswerTooLate):
        await place.get(within=timedelta(seconds=0.2))


@pytest.mark.parametrize("words", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_what_is_no_http_is_unreachable(place: Place, words: bytes) -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()

    place.says["/"] = say
    with pytest.raises(Unreachable):
        await place.get()


async def test_a_certificate_must_be_trusted_and_name_the_host(place: Place, tmp_path: Path) -> None:
    stranger = certify(tmp_path, "issuer.example")
    with pytest.raises(Unreachable):
        await place.egress(authorities=stranger.authority).fetch(EgressRequest(place.url()))
    place.lookup.names["wrong.example"] = [LOOPBACK]
    with pytest.raises(Unreachable):
        await place.get(host="wrong.example")
    assert place.requests == []


async def test_a_closed_port_and_a_name_without_address_are_unreachable(place: Place) -> None:
    place.lookup.names["nowhere.example"] = []
    for url in ("https://127.0.0.1:1/", place.url(host="nowhere.example")):
        with pytest.raises(Unreachable):
            await place.egress().fetch(EgressRequest(url))
    with pytest.raises(Unreachable):
        await Egress(Permissions()).fetch(EgressRequest("https://does-not-exist.invalid/"))


async def test_the_systems_own_names_lead_nowhere_either(place: Place) -> None:
    with pytest.raises(AddressForbidden):
        await Egress(Permissions()).fetch(EgressRequest(f"https://localhost:{place.port}/"))


async def test_an_answer_is_given_piece_by_piece_while_it_comes(place: Place) -> None:
    place.says["/"] = plain(b"x" * 300_000)
    async with place.egress().open(EgressRequest(place.url())) as opened:
        sizes = [len(piece) async for piece in opened.pieces]
    assert (sum(sizes), len(sizes) > 1, max(sizes) <= 1 << 16) == (300_000, True, True)


async def test_a_failure_of_the_reader_stays_its_own(place: Place) -> None:
    place.says["/"] = plain(b"x")
    with pytest.raises(OSError, match="disk full"):
        async with place.egress().open(EgressRequest(place.url())):
            raise OSError("disk full")
