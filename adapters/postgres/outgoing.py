"""What sending reads: accounts and their tokens, customers' addresses, the platform's ids of messages, consents."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection
from pydantic import TypeAdapter

from adapters.postgres.mapper import MARK, context, is_sealed
from adapters.postgres.registry import Registry
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey, keyed_uuid, seal
from application.outgoing import AddressKind, settled_id_of
from application.ports.channels import Account, Addressee
from application.ports.desks import Desk
from domain.catalogue import kind_of
from domain.messaging.events import FROM_CUSTOMERS, SendRequested, SignalReceived, TemplateSynced
from domain.messaging.threads import message_name, thread_of
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.shared.clock import moment
from domain.shared.fact import Channel
from domain.shared.personal import Sealed
from projections.templates import Template

TOKEN: Final = "channel/{}/{}/token"  # noqa: S105 - a name
"""Name of the secret of an account, by channel and id."""
APP_SECRETS: Final = "app/{}/secrets"
"""Name of the list of an app's secrets, the newest first."""
KEPT_DAYS = 30
"""How long the body that an idempotency key was used with is remembered."""
ADDRESSES: Final[dict[Channel, tuple[AddressKind, ...]]] = {
    "whatsapp": ("phone", "bsuid"), "messenger": ("psid",), "instagram": ("igsid",),
}  # fmt: skip
"""Hints that name a customer to a channel, the best first."""
LOOKED_THROUGH = 50
"""Newest facts of a customer among which their address is looked for: some come without one."""

ACCOUNT = """
SELECT provider, business_id, app FROM channels.accounts WHERE channel = %s AND account_id = %s AND brokerage_id = %s
"""
NUMBER_OF = """
SELECT account_id FROM channels.accounts
 WHERE brokerage_id = %s AND channel = 'whatsapp' AND business_id = %s ORDER BY account_id LIMIT 1
"""
NEWEST = """
SELECT originator_id, originator_version, state
  FROM (SELECT * FROM log.masar_events
         WHERE brokerage_id = %s AND subject_id = %s AND topic = ANY(%s) ORDER BY notification_id DESC LIMIT %s) e
 ORDER BY occurred_at DESC, notification_id DESC
"""
FIRST_ADDRESS = "SELECT kind, sealed FROM messaging.addresses WHERE brokerage_id = %s AND thread_id = %s"
KEEP_ADDRESS = """
INSERT INTO messaging.addresses (thread_id, brokerage_id, kind, sealed) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
FORGET_REQUESTS = "DELETE FROM messaging.requests WHERE created_at < now() - make_interval(days => %s)"
FORGET_ADDRESSES = """
DELETE FROM messaging.addresses a USING messaging.desks d WHERE d.thread_id = a.thread_id AND d.inbound > 0
"""
OPEN_DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
OF_SEND = (
    "SELECT send_id FROM read_models.messages WHERE brokerage_id = %s AND ref = %s AND send_id IS NOT NULL LIMIT 1"
)
PLATFORM_IDS = """
SELECT originator_id, originator_version, state FROM log.masar_events
 WHERE brokerage_id = %s AND originator_id = ANY(%s)
"""
THREAD = "SELECT ad_answered_at, unreachable IS NOT NULL FROM read_models.threads WHERE brokerage_id = %s AND key = %s"
WORDS = """
WITH person AS (
  SELECT coalesce((SELECT person_id FROM read_models.people_aliases
                    WHERE brokerage_id = %(brokerage)s AND subject_id = %(subject)s), %(subject)s) AS id
), everyone AS (
  SELECT %(subject)s::uuid AS subject_id UNION SELECT id FROM person
  UNION SELECT a.subject_id FROM read_models.people_aliases a JOIN person ON a.person_id = person.id
         WHERE a.brokerage_id = %(brokerage)s
)
SELECT e.topic, e.state, e.occurred_at FROM everyone w JOIN log.masar_events e
    ON e.brokerage_id = %(brokerage)s AND e.subject_id = w.subject_id AND e.topic = ANY(%(kinds)s)
"""
REQUESTED = """
SELECT originator_id, originator_version, state, subject_id FROM log.masar_events
 WHERE brokerage_id = %s AND originator_id = %s AND originator_version = 1 AND topic = %s
"""
TEMPLATES = "SELECT state FROM read_models.templates WHERE brokerage_id = %s AND account_id = %s"
TEMPLATE: TypeAdapter[Template] = TypeAdapter(Template)
GIVEN, WITHDRAWN, SIGNAL = kind_of(ConsentGiven), kind_of(ConsentWithdrawn), kind_of(SignalReceived)

Line = Callable[[], Connection[Any]]


class PostgresOutgoing:
    """The AddressBook and the Consents of a connection as `masar_projector`; may be used within its transaction."""

    def __init__(self, line: Line, secrets: SecretStore | None = None) -> None:
        self._line, self._secrets = line, secrets

    def account(self, brokerage_id: UUID, channel: Channel, account_id: str) -> Account | None:
        """Return an account of this brokerage with its token, None without either."""
        row = self._line().execute(ACCOUNT, (channel, account_id, brokerage_id)).fetchone()
        if row is None or self._secrets is None:
            return None
        provider, business_id, app = row
        names = [TOKEN.format(channel, account_id), APP_SECRETS.format(app)]
        found = self._secrets.some(brokerage_id, names if provider == "meta" and app else names[:1])
        token, listed = found.get(names[0]), found.get(names[1])
        secrets = tuple(orjson.loads(listed)) if listed else ()
        return Account(channel, account_id, provider, token, business_id, secrets) if token else None

    def number_of(self, brokerage_id: UUID, business_id: str) -> str | None:
        """Return the first number of a business account of WhatsApp, None where none is connected."""
        row = self._line().execute(NUMBER_OF, (brokerage_id, business_id)).fetchone()
        return row[0] if row else None

    def address(self, desk: Desk) -> tuple[Sealed, tuple[AddressKind, ...]] | None:
        """Return the sealed hints of the customer's newest fact on this account that has an address."""
        kinds, wanted = [kind_of(one) for one in FROM_CUSTOMERS], ADDRESSES[desk.channel]
        asked = (desk.brokerage_id, desk.subject_id, kinds, LOOKED_THROUGH)
        for stream_id, version, state in self._line().execute(NEWEST, asked).fetchall():
            fields = orjson.loads(state)
            own = (fields.get("channel"), fields.get("account_id")) == (desk.channel, desk.account_id)
            named = own and set(wanted) & set(fields.get("hint_kinds") or wanted)
            if named and is_sealed(fields.get("hints")):
                return Sealed(fields["hints"][MARK], stream_id, version, "hints"), wanted
        row = self._line().execute(FIRST_ADDRESS, (desk.brokerage_id, desk.thread_id)).fetchone()
        return (Sealed(row[1], desk.thread_id, 1, "address"), (row[0],)) if row else None

    def platform_id(self, brokerage_id: UUID, ref: UUID) -> Sealed | None:
        """Return the platform's id of a message, sealed; `ref` is that of one that came, or the id of a send."""
        row = self._line().execute(OF_SEND, (brokerage_id, ref)).fetchone()
        sends = [ref, row[0]] if row else [ref]
        settled = [settled_id_of(one, "accepted", by) for one in sends for by in ("answer", "receipt", "echo")]
        for stream_id, version, state in self._line().execute(PLATFORM_IDS, (brokerage_id, [ref, *settled])).fetchall():
            value = orjson.loads(state).get("platform_id")
            if is_sealed(value):
                return Sealed(value[MARK], stream_id, version, "platform_id")
        return None

    def opted_in(self, brokerage_id: UUID, subject_id: UUID) -> bool | None:
        """Return the last word of the person about messages of marketing; a withdrawal wins at the same moment."""
        asked = {"brokerage": brokerage_id, "subject": subject_id, "kinds": [GIVEN, WITHDRAWN, SIGNAL]}
        words = [
            (at, not said) for topic, state, at in self._line().execute(WORDS, asked).fetchall()
            if (said := _word(topic, orjson.loads(state))) is not None
        ]  # fmt: skip
        return not max(words)[1] if words else None

    def answered_at(self, desk: Desk) -> datetime | None:
        """Return when the last click on an advertisement was first answered."""
        row = self._line().execute(THREAD, (desk.brokerage_id, str(desk.thread_id))).fetchone()
        return row[0] if row else None

    def unreachable(self, desk: Desk) -> bool:
        """Tell whether the platform said that this customer cannot be reached."""
        row = self._line().execute(THREAD, (desk.brokerage_id, str(desk.thread_id))).fetchone()
        return bool(row and row[1])

    def words_of(self, brokerage_id: UUID, send_id: UUID) -> Sealed | None:
        """Return the sealed text of a send, None where it has none."""
        row = self._line().execute(REQUESTED, (brokerage_id, send_id, kind_of(SendRequested))).fetchone()
        value = orjson.loads(row[2]).get("text") if row else None
        return Sealed(value[MARK], send_id, 1, "text") if is_sealed(value) and isinstance(value, dict) else None

    def known(self, brokerage_id: UUID, business_id: str) -> dict[tuple[str, str], TemplateSynced]:
        """Return the templates of a business account as last told, by name and language."""
        rows = self._line().execute(TEMPLATES, (brokerage_id, business_id)).fetchall()
        found = [TEMPLATE.validate_json(state) for (state,) in rows]
        return {(one.name, one.language): _synced(one, business_id) for one in found}

    def platform_id_at(self, brokerage_id: UUID, ref: UUID) -> Sealed | None:
        """Return the platform's id of the message that lies in the log under a ref, sealed."""
        for stream_id, version, state in self._line().execute(PLATFORM_IDS, (brokerage_id, [ref])).fetchall():
            value = orjson.loads(state).get("platform_id")
            if is_sealed(value):
                return Sealed(value[MARK], stream_id, version, "platform_id")
        return None


def _word(topic: str, fields: dict[str, Any]) -> bool | None:
    """Return what a fact says of marketing: yes, no, or nothing."""
    if topic == SIGNAL:
        return {"marketing_stopped": False, "marketing_resumed": True}.get(str(fields.get("signal")))
    if fields.get("purpose") != "marketing_messages":
        return None
    return topic == GIVEN


def _synced(one: Template, business_id: str) -> TemplateSynced:
    return TemplateSynced(
        occurred_at=moment(one.at_ms), account_id=business_id, name=one.name, language=one.language,
        status=one.status or "UNKNOWN", category=one.category, quality=one.quality, components=one.components,
        reason=one.reason, gone=one.gone,
    )  # fmt: skip


def open_desk(
    connection: Connection[Any], registry: Registry, brokerage_id: UUID, channel: Channel, account_id: str,
    subject_id: UUID, to: Addressee,
) -> UUID | None:  # fmt: skip
    """Make the desk of a thread that begins with a message of ours, and keep where it goes; return the thread.

    None where the subject's key is gone. What is there already stays as it is.
    """
    thread_id = thread_of(brokerage_id, channel, account_id, subject_id)
    key = registry.keys([subject_id]).get(subject_id)
    if key is None:
        return None
    sealed = seal(key, subject_id, orjson.dumps({to.kind: to.value}), context(thread_id, 1, "address"))
    with connection.transaction():
        connection.execute(OPEN_DESK, (thread_id, brokerage_id, subject_id, channel, account_id))
        connection.execute(KEEP_ADDRESS, (thread_id, brokerage_id, to.kind, sealed))
    return thread_id


def forget_old(connection: Connection[Any]) -> int:
    """Delete what sending needs no more, and return how much: old keys, and where first messages went that were
    answered, as the answer says it too.

    The connection is an autocommit one as `masar_projector`.
    """  # fmt: skip
    requests = connection.execute(FORGET_REQUESTS, (KEPT_DAYS,)).rowcount
    return requests + connection.execute(FORGET_ADDRESSES).rowcount


class RefNames:
    """Names messages as ingest does: the id of the log entry that holds one, or would hold it."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def __call__(self, brokerage_id: UUID, channel: Channel, platform_id: str) -> UUID:
        """Return the ref of a platform's message."""
        key = self._master.for_brokerage(brokerage_id)
        return keyed_uuid(key, str(brokerage_id), channel, message_name(platform_id))
