"""Conversations and their messages as the API shows them: what is personal is opened, what was taken back is not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.postgres.keyring import KeyRing
from api.show import ERASED
from application.outgoing_outcome import waiting_of
from domain.messaging.receipts import Failure, Receipts, joined, up_to
from domain.messaging.windows import RULES, Clock, Decision, WindowRules, Wish, decide
from domain.shared.clock import millis, moment
from domain.shared.personal import Erased, Sealed

NAMES = ("name", "phone")
"""What is shown of a customer in a list, as the channel told it."""
LISTED = (
    "id", "kind", "channel", "account_id", "status", "status_reason", "quality", "lead_score", "person_id",
    "subject_id", "property_id", "holder", "agent", "held_until", "fence", "inbound", "outbound", "echoed", "unread",
    "waiting_since", "started_at", "last_at", "rating", "opted_out", "test",
)  # fmt: skip
AUTHORS: Mapping[str | None, str] = {"in": "customer", "echo": "elsewhere"}
"""Direction → who wrote, where nothing else says so: `elsewhere` is the platform's own app, or another application."""
WISHES: Mapping[str, Wish] = {
    "assistant": Wish("assistant"),
    "agent": Wish("agent"),
    "system": Wish("system"),
    "template": Wish("agent", "template"),
}
"""What is asked of the windows for the page of a thread; whether a template is approved is another question."""
NOT_SHOWN = ("channel", "account_id", "provider", "further_files")
"""What is known of a message and stands elsewhere on the page."""
Row = Mapping[str, Any]


def listed(rows: Sequence[Row], keyring: KeyRing) -> list[dict[str, Any]]:
    """Return conversations as a list shows them, with the names and phones of their customers."""
    opened = Opened(keyring, (ref for row in rows for ref in _identities(row, NAMES).values()))
    return [_listed(row, opened) for row in rows]


def thread(row: Row, keyring: KeyRing, now: datetime, rules: WindowRules = RULES) -> dict[str, Any]:
    """Return one conversation in full; of a thread what may be sent in it now, by whom."""
    opened = Opened(keyring, _identities(row).values())
    page = _listed(row, opened)
    page["customer"] = {kind: opened.hint(kind, ref) for kind, ref in _identities(row).items()}
    page |= {
        "lead": {"score": row["lead_score"], "quality": row["lead_quality"], "factors": row["lead_reasons"]},
        "milestones": row["milestones"], "topics": row["topics"], "score": row["score"],
        "total_time_s": row["total_time_s"],
    }  # fmt: skip
    if row["kind"] != "thread":
        return page
    consents = row["consents"] or {}
    return page | {
        "provider": row["provider"],
        "states": [{**move, "at": moment(move["at_ms"])} for move in row["moves"] or ()],
        "holder_reason": row["holder_reason"],
        "first_answer_at": row["first_answer_at"], "last_inbound_at": row["last_inbound_at"],
        "ad": _ad(row["ad"]),
        "unreachable": row["unreachable"] and {**row["unreachable"], "at": moment(row["unreachable"]["at_ms"])},
        "marketing_allowed": None if row["opted_out"] else consents.get("marketing_messages"),
        "under_way": row["under_way"], "unknown": row["unknown"],
        "window": {name: decision.shown() for name, decision in windows(row, now, rules).items()},
    }  # fmt: skip


def windows(row: Row, now: datetime, rules: WindowRules = RULES) -> dict[str, Decision]:
    """Return, for each author and for templates, whether a message may be sent in a thread now."""
    clock = Clock(
        row["channel"], row["last_inbound_at"], row["ad_at"], row["ad_answered_at"], row["unreachable"] is not None
    )  # fmt: skip
    return {name: decide(clock, wish, now, rules) for name, wish in WISHES.items()}


def messages(rows: Sequence[Row], marks: Mapping[str, Any], keyring: KeyRing) -> list[dict[str, Any]]:
    """Return messages, their words opened; `marks` are the times up to which all of the thread was delivered or read.

    Of a message that its author took back neither words nor files are shown.
    """
    opened = Opened(keyring, (ref for row in rows for ref in _references(row)))
    return [_message(row, marks, opened) for row in rows]


class Opened:
    """Sealed values by where they are found, all opened in one look-up of keys."""

    def __init__(self, keyring: KeyRing, references: Iterator[Row] | Sequence[Row] | Any) -> None:
        sealed = {one: None for ref in references if (one := _sealed(ref))}
        self._values = dict(zip(sealed, keyring.open_all(sealed), strict=True))

    def value(self, reference: Row | None) -> Any:
        """Return a value, None where there is none, and what says so where its key is gone."""
        value = self._values.get(_sealed(reference)) if reference else None
        return ERASED if isinstance(value, Erased) else value

    def hint(self, kind: str, reference: Row | None) -> Any:
        """Return one of the hints that were sealed together."""
        value = self.value(reference)
        return value.get(kind) if isinstance(value, dict) and value != ERASED else value


def _sealed(reference: Row) -> Sealed:
    return Sealed(reference["token"], str(reference["stream_id"]), reference["version"], reference["field"])


def _identities(row: Row, kinds: Sequence[str] | None = None) -> dict[str, Row]:
    known = row["identities"] or {}
    return {kind: ref for kind, ref in known.items() if kinds is None or kind in kinds}


def _listed(row: Row, opened: Opened) -> dict[str, Any]:
    own = _identities(row, NAMES)
    last = row["last_message"] and {
        "id": row["last_message"], "direction": "in" if row["last_direction"] == "in" else "out",
        "type": row["last_type"],
    }  # fmt: skip
    customer = {kind: opened.hint(kind, own[kind]) if kind in own else None for kind in NAMES}
    return {**{name: row[name] for name in LISTED}, "customer": customer, "last_message": last}


def _ad(ad: Row | None) -> dict[str, Any] | None:
    return None if ad is None else {**{k: v for k, v in ad.items() if k != "at_ms"}, "at": moment(ad["at_ms"])}


def _references(row: Row) -> Iterator[Row]:
    """Yield what has to be opened for one message: nothing of one that was taken back."""
    if row["revoked_at"] or row["their_revoked_at"]:
        return
    yield from (ref for name, ref in (row["sealed"] or {}).items() if name in ("text", "content"))
    for edit in _edits(row):
        yield from filter(None, (edit["text"], edit["content"]))
    yield from (word["emoji"] for word in _reactions(row).values() if word["emoji"])


def _edits(row: Row) -> list[Any]:
    return sorted([*(row["edits"] or ()), *(row["their_edits"] or ())], key=lambda one: (one["at_ms"], one["event"]))


def _reactions(row: Row) -> dict[str, Any]:
    return {**(row["reactions"] or {}), **(row["their_reactions"] or {})}


def _message(row: Row, marks: Mapping[str, Any], opened: Opened) -> dict[str, Any]:
    unsent = row["revoked_at"] or row["their_revoked_at"]
    sealed, edits, more = row["sealed"] or {}, _edits(row), row["more"] or {}
    text, content = opened.value(sealed.get("text")), opened.value(sealed.get("content"))
    said = [{"at": row["at"], "text": text, "content": content}] + [
        {"at": moment(edit["at_ms"]), "text": opened.value(edit["text"]), "content": opened.value(edit["content"])}
        for edit in edits
    ]
    receipts = _receipts(row, marks)
    ours = row["direction"] != "in"
    return {
        "id": row["id"], "ref": row["ref"], "send_id": row["send_id"],
        "direction": "out" if ours else "in", "author": row["author"] or AUTHORS.get(row["direction"]),
        "by": row["by"], "type": row["message_type"], "at": row["at"], "arrived_at": row["arrived_at"],
        "text": None if unsent else said[-1]["text"],
        "content": None if unsent else said[-1]["content"] or content,
        "reply_to": row["reply_to"],
        "status": (receipts.status or row["status"]) if ours else None,
        "receipts": receipts.shown() if ours else None,
        "waiting": _waiting(row),
        "outcome": row["outcome"], "outcome_by": row["outcome_by"], "settled_at": row["settled_at"],
        "code": row["code"] if row["code"] is not None else receipts.failure and receipts.failure.code,
        "reason": row["reason"] or (receipts.failure and receipts.failure.reason),
        "purpose": row["purpose"],
        "reactions": [
            {"by": side, "emoji": opened.value(word["emoji"]), "at": moment(word["at_ms"])}
            for side, word in sorted(_reactions(row).items()) if word["given"] and not unsent
        ],
        "edited": bool(edits), "edits": [] if unsent or not edits else said[:-1],
        "unsent": bool(unsent), "unsent_at": unsent,
        "media": None if unsent else row["file"],
        "files": [] if unsent else _files(row["file"], more.get("further_files", ())),
        **{name: value for name, value in more.items() if name not in NOT_SHOWN},
    }  # fmt: skip


def _waiting(row: Row) -> dict[str, Any] | None:
    """Return what a message of ours waits for and since when, None where nothing keeps it."""
    waits = waiting_of(row["waits_why"], row["waits_since"], row["tries_at"])
    return waits.shown() if waits else None


def _files(first: Row | None, further: Sequence[Row]) -> list[Row]:
    """Return what became of every file of a message, each with its number there."""
    return [*([{"nth": 0, **first}] if first else []), *further]


def _receipts(row: Row, marks: Mapping[str, Any]) -> Receipts:
    told = joined(_told(row["receipts"]), _told(row["their_receipts"]))
    if row["direction"] != "out" or row["outcome"] != "accepted" or row["at"] is None:
        return told
    return up_to(told, millis(row["at"]), {name: tuple(times) for name, times in marks.items()})


def _told(document: Row | None) -> Receipts:
    failure = (document or {}).get("failure")
    return Receipts((document or {}).get("at_ms", {}), Failure(**failure) if failure else None)
