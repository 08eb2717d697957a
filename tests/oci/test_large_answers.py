"""Answers that are sent in pieces."""

from collections.abc import AsyncIterator

import pytest

from tests.asgi import ask
from twinport.http.messages import Answer, Message, Request, StreamAnswer, send_answer
from twinport.refusals.storage import BlobMissing, BlobUnreadable, Interrupted

PIECE = 1 << 20


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
async def test_a_body_arrives_whole_and_in_pieces_that_do_not_take_long(size: int) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    await send_answer(send, Answer(200, {}, body), head=False)
    pieces = [message.get("body", b"") for message in sent[1:]]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= PIECE
    assert [message.get("more_body", False) for message in sent[1:]] == [*[True] * (len(pieces) - 1), False]


class Large:
    async def answer(self, request: Request) -> Answer:
        del request
        return Answer(200, {}, bytes(2 * PIECE + 5))


async def test_a_large_answer_says_its_whole_length() -> None:
    reply = await ask(Large(), "GET", "/")
    assert (reply.headers["content-length"], len(reply.body)) == (str(2 * PIECE + 5), 2 * PIECE + 5)


async def two_pieces(then: Exception | None = None) -> AsyncIterator[bytes]:
    yield b"first "
    yield b"second"
    if then is not None:
        raise then


@pytest.mark.parametrize("then", [BlobMissing("key"), BlobUnreadable("key", "bad sector", 5)])
async def test_an_answer_whose_bytes_are_gone_meanwhile_is_broken_off(then: Exception) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(Interrupted):
        await send_answer(send, StreamAnswer(200, {}, 20, lambda: two_pieces(then)), head=False)
    assert all(message["more_body"] for message in sent[1:]), "the client must not take it for whole"


@pytest.mark.parametrize("size", [11, 13])
async def test_an_answer_of_another_length_than_it_says_is_broken_off(size: int) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(Interrupted):
        await send_answer(send, StreamAnswer(200, {}, size, two_pieces), head=False)
    assert all(message["more_body"] for message in sent[1:])


async def test_the_head_of_an_answer_opens_no_source() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_answer(send, StreamAnswer(200, {}, 12, lambda: pytest.fail("opened")), head=True)
    assert sent[0]["headers"] == [(b"content-length", b"12")]
