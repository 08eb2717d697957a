"""Answers that are sent in pieces."""

import pytest

from tests.asgi import ask
from twinport.http.messages import Answer, Message, Request, send_answer

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
