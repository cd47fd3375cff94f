"""The sender of webhooks does what platforms do, and only that."""

import asyncio

import httpx
import orjson
import pytest

from adapters.meta.webhooks.signature import is_signed
from adapters.simulator.webhooks import (
    MOST_UPDATES,
    SIGNATURE,
    Post,
    Sender,
    Sent,
    batch,
    batches,
    guest,
    message,
    repeated,
    said,
    shuffled,
    signed,
    text,
    with_headers,
)
from tests.webhooks.reading import AT, LINE

ADDRESS = "https://masar.example.com/api/webhooks/meta"


def posts(count: int) -> list[Post]:
    return [signed(said(LINE, guest(n), f"wamid.{n}", AT, text(f"سؤال {n}")), "s") for n in range(count)]


def test_a_body_is_signed_in_the_escaped_form_that_is_sent() -> None:
    post = signed(said(LINE, guest(1), "wamid.1", AT, text("شقة https://a")), "s")
    assert b"\\u0634\\u0642\\u0629 https:\\/\\/a" in post.raw
    assert post.raw.isascii()
    assert is_signed(post.raw, post.headers[SIGNATURE], "s")
    assert not is_signed(post.raw, post.headers[SIGNATURE], "t")


def test_through_the_other_provider_there_is_a_header_and_no_signature() -> None:
    post = with_headers(said(LINE, guest(1), "wamid.1", AT, text("hi")), {"X-Masar-Secret": "s"})
    assert post.headers == {"content-type": "application/json", "X-Masar-Secret": "s"}


def test_half_copies_in_another_order_the_same_each_time() -> None:
    originals = posts(50)
    sent = repeated(originals, 0.5, seed=3)
    assert len(sent) == 100
    assert {one.raw for one in sent} == {one.raw for one in originals}
    assert sent == repeated(originals, 0.5, seed=3) != repeated(originals, 0.5, seed=4)
    assert sorted(shuffled(originals, 1)) == sorted(originals) != shuffled(originals, 1)


def test_a_request_carries_no_more_than_a_platforms_would() -> None:
    told = [(guest(n), message(guest(n), f"wamid.{n}", AT, text("hi"))) for n in range(MOST_UPDATES + 1)]
    sizes = [len(one["entry"][0]["changes"][0]["value"]["messages"]) for one in batches(LINE, told)]
    assert sizes == [MOST_UPDATES, 1]
    with pytest.raises(ValueError, match="at most 1000"):
        batch(LINE, told)


def send(answers: list[int | None], count: int, lost_share: float = 0.0) -> tuple[Sent, list[str]]:
    """Post `count` messages to somebody who answers so, then always with 200; None cuts the connection."""
    waiting, came = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        value = orjson.loads(request.content)["entry"][0]["changes"][0]["value"]
        came.append(value["messages"][0]["id"])
        code = waiting.pop(0) if waiting else 200
        if code is None:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(code)

    async def run() -> Sent:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            sender = Sender(client, ADDRESS, at_once=1, tries=4, pause_s=0, lost_share=lost_share, seed=5)
            return await sender.send(posts(count))

    return asyncio.run(run()), came


def test_it_posts_again_until_somebody_took_it() -> None:
    sent, came = send([500, None, 200], 2)
    assert came == ["wamid.0", "wamid.0", "wamid.0", "wamid.1"]
    assert (sent.requests, dict(sent.answers), sent.given_up) == (4, {500: 1, 200: 2}, 0)


def test_it_gives_up_in_the_end() -> None:
    sent, came = send([401] * 4, 2)
    assert came == ["wamid.0"] * 4 + ["wamid.1"]
    assert sent.given_up == 1


def test_answers_that_get_lost_are_followed_by_repeats() -> None:
    sent, came = send([], 100, lost_share=0.3)
    assert len(set(came)) == 100
    assert 110 < len(came) < 220
    assert sent.answers == {200: len(came)}
