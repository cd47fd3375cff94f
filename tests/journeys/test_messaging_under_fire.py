"""Customers write in disorder while every service is killed with -9 in turn: all of it is there once, answered once."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from adapters.simulator.webhooks import (
    Body,
    Guest,
    Line,
    Post,
    Sender,
    Sent,
    app_echo,
    became,
    change,
    failed,
    guest,
    repeated,
    said,
    signed,
    text,
    whatsapp,
)
from tests.journeys.running import ANSWER_S, Masar, running, until
from tests.patience import PATIENCE_S

VICTIMS = ("api", "projector", "worker", "scheduler", "postgres", "redis")
LINE = Line("106540352242988", "102290129340388", "201000000088")
SECRET, TOKEN = "a-secret-of-the-app", "EAA-of-a-test"
CUSTOMERS, MESSAGES = 24, 6
STATUSES = ((("read", "delivered"), "read"), (("failed", "sent"), "failed"), (("failed", "delivered"), "delivered"))
"""What is told of a message from the phone's own app, and what holds in the end."""


@dataclass
class Talk:
    """What one customer writes, and what somebody of ours wrote in between; what has to be seen of it."""

    whose: Guest
    wrote: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    webhooks: list[Body] = field(default_factory=list)


def test_every_message_is_there_once_and_answered_once_whatever_dies(tmp_path: Path) -> None:
    talks = [_talk(nth, int(time.time()) - 420) for nth in range(CUSTOMERS)]
    with running(tmp_path) as masar:
        _connect(masar, talks)
        _under_fire(masar, [signed(one, SECRET) for talk in talks for one in talk.webhooks])
        until(lambda: _platform(masar, "messages/summary")["processed"], "a first answer")
        until(lambda: masar.kill("worker"), "a worker to kill")
        until(lambda: _settled(masar), "an empty backlog")

        threads = masar.listed("/api/conversations")
        messages = {one["id"]: masar.listed(f"/api/conversations/{one['id']}/messages") for one in threads}
        assert sorted(_seen(one) for one in messages.values()) == sorted((one.wrote, one.statuses) for one in talks)
        assert all(any(one["author"] == "assistant" for one in shown) for shown in messages.values())
        _answers_arrived_once(masar, [one for shown in messages.values() for one in shown])
        findings = masar.cli("doctor", "--consistency", check=False)
        assert [one for one in findings if not one["ok"]] == []


def _talk(nth: int, at: int) -> Talk:
    talk, name = Talk(guest(nth)), f"wamid.fire{nth:04d}"
    for count in range(MESSAGES):
        at += 60
        talk.wrote.append(f"Customer {nth}, message {count}")
        talk.webhooks.append(said(LINE, talk.whose, f"{name}i{count}", at, text(talk.wrote[-1])))
        if count == MESSAGES // 2:
            talk.webhooks += _echo(talk, f"{name}o", at + 30, *STATUSES[nth % len(STATUSES)])
    return talk


def _echo(talk: Talk, message_id: str, at: int, told: Sequence[str], final: str) -> Iterator[Body]:
    talk.statuses.append(final)
    echoed = app_echo(LINE, talk.whose, message_id, at, text("From the phone"))
    yield whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echoed]}, [talk.whose]))
    for status in told:
        why = failed(131026, "Message undeliverable") if status == "failed" else {}
        yield became(LINE, talk.whose, message_id, at + 1, status, **why)


def _connect(masar: Masar, talks: Sequence[Talk]) -> None:
    """Connect the number on both sides; the platform knows it before we ask about it, and that the customers wrote."""
    wrote = [{"channel": "whatsapp", "account": LINE.account_id, "user": one.whose.phone} for one in talks]
    with httpx.Client(base_url=f"{masar.meta_url}/_simulator", timeout=ANSWER_S) as meta:
        account = {"channel": "whatsapp", "token": TOKEN, "waba_id": LINE.business_id}
        meta.put(f"/accounts/{LINE.account_id}", json=account).raise_for_status()
        hook = {"url": f"{masar.url}/api/webhooks/meta", "app_secret": SECRET, "order": "shuffled", "duplicates": 1}
        meta.put("/webhooks", json={**hook, "tries": 200}).raise_for_status()
        meta.put("/messaging", json={"unknown_customers": "reachable"}).raise_for_status()
        meta.post("/inbound", json={"wrote": wrote}).raise_for_status()
    masar.cli("app", "secret", "add", "main", "-b", masar.brokerage, "--secret", SECRET)
    masar.cli(
        "channel", "connect", "whatsapp", LINE.account_id, "-b", masar.brokerage, "--business-id", LINE.business_id,
        "--token", TOKEN,
    )  # fmt: skip


def _under_fire(masar: Masar, posts: Sequence[Post]) -> None:
    """Post everything, half of it twice, shuffled; kill each service while a part of it is under way."""
    disordered = repeated(posts, 0.5, seed=3)
    for nth, victim in enumerate(VICTIMS):
        sent: list[Sent] = []
        part = disordered[nth :: len(VICTIMS)]
        posting = threading.Thread(target=lambda: sent.append(asyncio.run(_send(masar.url, part))))  # noqa: B023
        posting.start()
        until(lambda name=victim: masar.kill(name), f"{victim} to kill")
        posting.join(timeout=PATIENCE_S)
        assert sent, f"not all was taken after {victim} was killed"
        assert sent[0].given_up == 0


async def _send(url: str, posts: Sequence[Post]) -> Sent:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        return await Sender(client, f"{url}/api/webhooks/meta", at_once=8, tries=1_000, lost_share=0.1).send(posts)


def _seen(shown: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return what the customer wrote, the oldest first, and the statuses of what was not sent from here."""
    ordered = list(reversed(shown))
    return (
        [one["text"] for one in ordered if one["direction"] == "in"],
        [one["status"] for one in ordered if one["author"] == "elsewhere"],
    )


def _answers_arrived_once(masar: Masar, shown: Sequence[dict[str, Any]]) -> None:
    """What the platform processed is shown once each, as read; nothing was sent twice.

    A worker that died just before its request leaves an answer of unknown outcome: it is never sent again by itself.
    """
    processed = _platform(masar, "messages?limit=10000")["data"]
    assert processed
    assert set(Counter(one["callback"] for one in processed).values()) == {1}
    ours = [one for one in shown if one["author"] == "assistant"]
    arrived = [(one["outcome"], one["status"]) for one in ours if one["outcome"] not in ("unknown", "cancelled")]
    assert arrived == [("accepted", "read")] * len(processed)


def _platform(masar: Masar, path: str) -> Any:
    return httpx.get(f"{masar.meta_url}/_simulator/{path}", timeout=ANSWER_S).raise_for_status().json()


def _settled(masar: Masar) -> bool:
    """Tell whether nothing waits but reminders of the future: no answer, no message, no status on its way to us."""
    deliveries = _platform(masar, "webhooks/deliveries?limit=1")
    backlog = masar.cli("backlog")
    behind = any(one["behind"] for one in backlog["projections"])
    kinds = ("answer_thread", "send_message", "reconcile_send")
    waiting = [one for one in backlog["outbox"] if one["kind"] in kinds and one["state"] != "done"]
    return not behind and not waiting and not deliveries["waiting"]
