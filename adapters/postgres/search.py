"""Search in conversations without readable texts: words become keyed hashes, as the log is read."""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg
import structlog
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import MARK, is_sealed
from adapters.postgres.projector import take_named_lock
from adapters.sealing import MasterKey, key_id_of, keyed_hash
from domain.catalogue import kind_of
from domain.messaging.events import MessageChanged, MessageEchoed, MessageReceived, SendRequested
from domain.messaging.threads import thread_of
from domain.shared.personal import Sealed

MOST_WORDS = 500
"""Words of one message that are found again."""
HASH = 12
"""Bytes of a hash: enough that a brokerage's words do not collide."""
PHONE = re.compile(r"\+?\d(?:[\s().\-]{0,2}\d){6,}")
SHORTEST_END, LONGEST_END = 4, 15
"""Digits by which the end of a phone number is found."""
# fmt: off
FOLDED = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا",   # seats of the hamza
    "ؤ": "و", "ئ": "ي", "ى": "ي", "ی": "ي",   # ya in its forms, the Persian one too
    "ة": "ه", "ک": "ك", "گ": "ك", "ـ": None,  # ta marbuta; kaf; the stretch
})
ARTICLES = ("وال", "بال", "فال", "كال", "لل", "ال")
# fmt: on
BETWEEN_DIGITS = re.compile(r"(?<=\d)[,٬'_](?=\d)")
WORD = re.compile(r"[^\W_]+")

ADD = """
INSERT INTO messaging.words (brokerage_id, hash, thread_id, ref) SELECT %s, unnest(%s::bytea[]), %s, %s
ON CONFLICT DO NOTHING
"""
DROP = "DELETE FROM messaging.words WHERE brokerage_id = %s AND thread_id = %s AND ref = %s"
FORGET = "DELETE FROM messaging.words WHERE brokerage_id = %s AND thread_id = ANY(%s)"

PAGE = 2_000
AT = "SELECT position FROM messaging.words_read"
MOVE = "UPDATE messaging.words_read SET position = %s WHERE position = %s"
UP_TO = """
SELECT max(notification_id) FROM (
  SELECT notification_id FROM log.masar_events WHERE notification_id > %s ORDER BY notification_id LIMIT %s) page
"""
READ = """
SELECT originator_id, topic, state, brokerage_id, subject_id FROM log.masar_events
 WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s) ORDER BY notification_id
"""
CHANGED, SENT = kind_of(MessageChanged), kind_of(SendRequested)
KINDS = [kind_of(MessageReceived), kind_of(MessageEchoed), CHANGED, SENT]
OPENED = ("text", "content", "hints")
NAMES = ("name", "first_name", "last_name", "phone", "email")
LOOK_S, AWAY_S = 1.0, 1.0
LOCK = "messaging.words"

log = structlog.get_logger("masar.search")


def fold(text: str) -> str:
    """Return a text as it is compared: case, marks, forms of Arabic letters and digits do not matter."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(_digit(one) for one in plain if not unicodedata.combining(one))
    return BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", plain).translate(FOLDED))


def _digit(one: str) -> str:
    return str(unicodedata.decimal(one)) if one.isdecimal() else one


def words_of(text: str) -> set[str]:
    """Return the words of a text, folded, without the Arabic article."""
    return {_bare(one) for one in WORD.findall(fold(text))}


def _bare(word: str) -> str:
    article = next((one for one in ARTICLES if word.startswith(one) and len(word) - len(one) >= 3), "")
    return word[len(article) :]


def findable(text: str) -> set[str]:
    """Return everything by which a text is found: its words, and the ends of phone numbers in it."""
    found = words_of(text)
    for match in PHONE.finditer(fold(text)):
        digits = re.sub(r"\D", "", match.group())
        found |= {digits[-length:] for length in range(SHORTEST_END, min(len(digits), LONGEST_END) + 1)}
    return found


def asked(question: str) -> set[str]:
    """Return the words that must all be there; a phone number is one, however it is written."""
    folded = fold(question)
    numbers = {re.sub(r"\D", "", one).lstrip("0")[-LONGEST_END:] for one in PHONE.findall(folded)} - {""}
    return words_of(PHONE.sub(" ", folded)) | numbers


def search_key(master: MasterKey, brokerage_id: UUID) -> bytes:
    """Return the key under which a brokerage's words are hashed."""
    return master.derive(f"search/{brokerage_id}")


def hashes(words: Iterable[str], key: bytes) -> list[bytes]:
    """Return the hashes of words, in a stable order, at most MOST_WORDS."""
    return sorted(keyed_hash(key, "word", word)[:HASH] for word in sorted(words)[:MOST_WORDS])


def index_words(
    connection: Connection[Any], brokerage_id: UUID, thread_id: UUID, ref: UUID, texts: Sequence[str], key: bytes
) -> None:  # fmt: skip
    """Let a message be found by the words of its texts, on a connection as `masar_projector`; again adds nothing."""
    found = hashes(set().union(*map(findable, texts)), key)
    if found:
        connection.execute(ADD, (brokerage_id, found, thread_id, ref))


def forget_threads(connection: Connection[Any], brokerage_id: UUID, thread_ids: Sequence[UUID]) -> int:
    """Delete all words of threads: their person is erased. Return how many there were."""
    return connection.execute(FORGET, (brokerage_id, list(thread_ids))).rowcount


@dataclass(frozen=True, slots=True)
class _Said:
    """A message of the log, opened."""

    brokerage_id: UUID
    thread_id: UUID
    ref: UUID
    topic: str
    change: str | None
    opened: Mapping[str, Any]


class SearchFeed:
    """Reads the log page by page and writes the words of its messages; one process at a time, any may take over."""

    def __init__(self, url: str, master: MasterKey) -> None:
        self._url, self._master = url, master
        self._ring = KeyRing(url, master)

    def run(self, stop: threading.Event) -> None:
        """Follow the log until told to stop, through outages of the database."""
        while not stop.wait(AWAY_S):
            try:
                with connect(self._url, "masar_projector", name="search") as connection:
                    while not take_named_lock(connection, LOCK):
                        if stop.wait(LOOK_S):
                            return
                    while not stop.is_set():
                        if self.step(connection) == 0:
                            stop.wait(LOOK_S)
            except psycopg.OperationalError as away:
                log.warning("database_away", error=type(away).__name__)
                self._ring.close()
            except Exception:
                log.exception("search_broke")
        self._ring.close()

    def step(self, connection: Connection[Any]) -> int:
        """Read one page; return how many positions it went on, 0 at the end of the log."""
        row = connection.execute(AT).fetchone()
        before = int(row[0]) if row else 0
        row = connection.execute(UP_TO, (before, PAGE)).fetchone()
        if row is None or row[0] is None:
            return 0
        said = self._open(connection.execute(READ, (before, row[0], KINDS)).fetchall())
        with connection.transaction():
            if connection.execute(MOVE, (row[0], before)).rowcount != 1:
                return 0  # somebody else read this page
            for one in said:
                self._write(connection, one)
        return int(row[0]) - before

    def _open(self, rows: Sequence[tuple[Any, ...]]) -> list[_Said]:
        states = [orjson.loads(row[2]) for row in rows]
        places = [
            (at, name, Sealed(state[name][MARK], row[0], 1, name))
            for at, (row, state) in enumerate(zip(rows, states, strict=True))
            for name in OPENED
            if is_sealed(state.get(name))
        ]
        for _, _, sealed in places:
            self._ring.forget(key_id_of(sealed.token))  # a key destroyed elsewhere is gone here too
        opened: list[dict[str, Any]] = [{} for _ in rows]
        for (at, name, _), value in zip(places, self._ring.open_all([one[2] for one in places]), strict=True):
            if isinstance(value, str | dict):  # what is erased is found no more
                opened[at][name] = value
        return [
            said for row, state, plain in zip(rows, states, opened, strict=True) if (said := _said(row, state, plain))
        ]  # fmt: skip

    def _write(self, connection: Connection[Any], said: _Said) -> None:
        own = (said.brokerage_id, said.thread_id, said.ref)
        key = search_key(self._master, said.brokerage_id)
        if said.topic == CHANGED:
            if said.change not in ("edited", "revoked"):
                return
            connection.execute(DROP, own)
        if said.change != "revoked":
            index_words(connection, *own, list(_texts(said.opened)), key)
        if names := [str(value) for name in NAMES if (value := said.opened.get("hints", {}).get(name))]:
            index_words(connection, said.brokerage_id, said.thread_id, said.thread_id, names, key)


def _said(row: tuple[Any, ...], state: Mapping[str, Any], opened: Mapping[str, Any]) -> _Said | None:
    entry, topic, _, brokerage_id, subject_id = row
    if topic == SENT:
        thread_id = UUID(state["thread_id"])
    elif subject_id is None:
        return None
    else:
        thread_id = thread_of(brokerage_id, state["channel"], state["account_id"], subject_id)
    ref = UUID(state["ref"]) if topic == CHANGED else entry
    return _Said(brokerage_id, thread_id, ref, topic, state.get("change"), opened)


def _texts(opened: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of a message: its text, and what its parts are called."""
    if text := opened.get("text"):
        yield text
    content = opened.get("content")
    if not isinstance(content, dict):
        return
    for part, names in (("media", ("filename",)), ("location", ("name", "address")), ("choice", ("title",))):
        found = content.get(part) or {}
        yield from (str(found[name]) for name in names if found.get(name))
