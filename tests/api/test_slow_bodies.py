"""A body that never ends holds nothing for ever."""

import asyncio

import pytest
from fastapi import Request
from starlette.types import Message

from api import reading
from api.errors import Refusal


def test_a_body_that_does_not_come_is_refused_and_the_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_BODY_S", 0.01)
    came: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if came:
            return came.pop()
        await asyncio.Event().wait()  # the rest never comes
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-length", b"1000")]}, receive)
    with pytest.raises(Refusal) as refused:
        asyncio.run(reading.body_bytes(request, 2_000))
    assert refused.value.status == 408
    assert refused.value.headers == {"Connection": "close"}
