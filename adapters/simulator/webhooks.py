"""Webhooks as the platforms send them, of people who do not exist: for tests, the demonstration and measurements.

Builders make every kind of payload; `signed` and `with_headers` make raw bodies of them, as Meta and 360dialog post
them; `repeated`, `shuffled`, `batches` and `Sender` add what the world does to them: copies, disorder, many updates in
one request, answers that are lost. Nothing here reads what was sent.
Sources: Meta, "WhatsApp Cloud API: Webhooks", "Messenger Platform: Webhooks", "Instagram Platform: Webhooks".
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from adapters.simulator.messages.hooks import escaped, signature

Body = dict[str, Any]

MOST_UPDATES = 1_000
"""Updates that one request may carry."""
SIGNATURE = "X-Hub-Signature-256"


@dataclass(frozen=True, slots=True)
class Guest:
    """A customer as the platforms know them: WhatsApp by phone and user ids, Messenger and Instagram by `scoped_id`."""

    name: str
    phone: str | None = None  # digits with the country's code
    bsuid: str | None = None
    parent_bsuid: str | None = None
    username: str | None = None
    scoped_id: str = ""

    def hidden(self) -> "Guest":
        """Return the same guest with a hidden number."""
        return Guest(self.name, None, self.bsuid, self.parent_bsuid, self.username, self.scoped_id)


@dataclass(frozen=True, slots=True)
class Line:
    """An account of ours: a phone number of a WhatsApp business account, a page or an Instagram account."""

    account_id: str
    business_id: str = ""
    number: str = ""  # as displayed, digits


class Post(NamedTuple):
    """A request to be posted: the raw body and its headers."""

    raw: bytes
    headers: Mapping[str, str]


FAMILY = ("Mansour", "El Sayed", "Farouk", "Haddad", "Nassar", "Zaki")
GIVEN = ("منى", "Karim", "ياسمين", "Omar", "Salma", "Tarek", "نور", "Hana")


def guest(number: int) -> Guest:
    """Return the invented person of a number: always the same, each with ids of their own."""
    name = f"{GIVEN[number % len(GIVEN)]} {FAMILY[number % len(FAMILY)]}"
    own = f"{number:010d}"
    return Guest(name, f"2010{number:08d}", f"EG.{own}77", f"EG.ENT.{own}88", f"guest.{number}", f"61{own}")


# WhatsApp: what a message says


def text(body: str) -> Body:
    """Words."""
    return {"type": "text", "text": {"body": body}}


def media(kind: str, **more: Any) -> Body:
    """An image, a video, an audio, a document or a sticker; `voice=True` for a voice message."""
    mime = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/ogg; codecs=opus", "sticker": "image/webp"}
    told = {"id": "1450073900123456", "mime_type": mime.get(kind, "application/pdf"), "sha256": "q9Zx3b0=", **more}
    return {"type": kind, kind: told}


def location(latitude: float, longitude: float, **more: Any) -> Body:
    """A place on the map."""
    return {"type": "location", "location": {"latitude": latitude, "longitude": longitude, **more}}


def contact_card(name: str, phone: str) -> Body:
    """Somebody's contact, passed on."""
    told = {"name": {"formatted_name": name, "first_name": name}, "phones": [{"phone": phone, "type": "CELL"}]}
    return {"type": "contacts", "contacts": [told]}


def interactive(kind: str, told: Body) -> Body:
    """An answer to buttons, a list or a flow."""
    return {"type": "interactive", "interactive": {"type": kind, kind: told}}


def template_button(payload: str, title: str) -> Body:
    """The button of a template."""
    return {"type": "button", "button": {"payload": payload, "text": title}}


def reaction(message_id: str, emoji: str | None) -> Body:
    """A reaction; None takes it back, and the field is left out as the platform does."""
    return {"type": "reaction", "reaction": {"message_id": message_id, **({"emoji": emoji} if emoji else {})}}


def order(product: str) -> Body:
    """An order from the catalogue."""
    item = {"product_retailer_id": product, "quantity": 1, "item_price": 6_500_000, "currency": "EGP"}
    return {"type": "order", "order": {"catalog_id": "700100200300", "text": "", "product_items": [item]}}


def ad_click(click_id: str | None = "ARAkLkA8rmlFeiCktEJQ") -> Body:
    """What a message brings along that came from a click-to-WhatsApp advertisement."""
    click = {"ctwa_clid": click_id} if click_id else {}
    return {
        "referral": {
            "source_url": "https://fb.me/2nileview", "source_type": "ad", "source_id": "120210000000000001",
            "headline": "شقق على النيل", "body": "Two bedrooms from 4m", "media_type": "image",
            "image_url": "https://scontent.example.com/ad.jpg", **click,
        }
    }  # fmt: skip


def answering(message_id: str, number: str = "") -> Body:
    """What a message brings along that answers another."""
    return {"context": {"from": number, "id": message_id}}


EVERY_KIND: Mapping[str, Body] = {
    "text": text("السلام عليكم، هل الشقة متاحة؟"),
    "image": media("image", caption="The view"),
    "video": media("video"),
    "audio": media("audio", voice=False),
    "voice": media("audio", voice=True),
    "document": media("document", filename="عقد.pdf", caption="The contract"),
    "sticker": media("sticker", animated=True),
    "location": location(30.0444, 31.2357, name="Maadi", address="Road 9"),
    "contacts": contact_card("Amr", "+201000000001"),
    "button_reply": interactive("button_reply", {"id": "visit", "title": "Book a visit"}),
    "list_reply": interactive("list_reply", {"id": "maadi", "title": "Maadi", "description": "12 homes"}),
    "flow_reply": interactive("nfm_reply", {"name": "flow", "body": "Sent", "response_json": '{"budget":"4m"}'}),
    "call_permission": interactive("call_permission_reply", {"response": "accept", "response_source": "user_action"}),
    "template_reply": template_button("yes", "نعم"),
    "order": order("NV-204"),
    "unsupported": {
        "type": "unsupported",
        "errors": [{"code": 131051, "title": "Message type unknown", "error_data": {"details": "Not supported"}}],
    },
    "unknown": {"type": "hologram", "hologram": {"frames": 3}},
}
"""A message of each type, by its name here."""


# WhatsApp: envelopes


def message(whose: Guest, message_id: str, at: float, told: Body, **beside: Any) -> Body:
    """Return a message of a guest, `at` in unix seconds; a number that is hidden is left out."""
    who = {"from": whose.phone, "from_user_id": whose.bsuid, "from_parent_user_id": whose.parent_bsuid}
    return {**_there(who), "id": message_id, "timestamp": str(int(at)), **told, **beside}


def status(whose: Guest, message_id: str, at: float, kind: str, **more: Any) -> Body:
    """Return what became of a message of ours: sent, delivered, read, played or failed."""
    who = {
        "recipient_id": whose.phone,
        "recipient_user_id": whose.bsuid,
        "recipient_parent_user_id": whose.parent_bsuid,
    }
    return {"id": message_id, "status": kind, "timestamp": str(int(at)), **_there(who), **more}


def failed(code: int, title: str, details: str = "") -> Body:
    """Return the errors of a failed status."""
    return {"errors": [{"code": code, "title": title, "message": title, "error_data": {"details": details or title}}]}


def app_echo(line: Line, whose: Guest, message_id: str, at: float, told: Body) -> Body:
    """Return what an agent typed on the phone of the line, as it stands in `message_echoes`."""
    who = {"to": whose.phone, "to_user_id": whose.bsuid, "to_parent_user_id": whose.parent_bsuid}
    return {"from": line.number, **_there(who), "id": message_id, "timestamp": str(int(at)), **told}


def change(line: Line, name: str, value: Body, guests: Iterable[Guest] = ()) -> Body:
    """Return one change of a line's: its field, and its value with who the guests in it are."""
    about = {"display_phone_number": line.number, "phone_number_id": line.account_id}
    known = [_introduced(one) for one in guests]
    told = {"messaging_product": "whatsapp", "metadata": about, **({"contacts": known} if known else {}), **value}
    return {"field": name, "value": told}


def whatsapp(line: Line, *changes: Body) -> Body:
    """Return the body that carries changes of one WhatsApp business account."""
    return {"object": "whatsapp_business_account", "entry": [{"id": line.business_id, "changes": list(changes)}]}


def said(line: Line, whose: Guest, message_id: str, at: float, told: Body, **beside: Any) -> Body:
    """Return the body of a single message, the commonest there is."""
    told = {"messages": [message(whose, message_id, at, told, **beside)]}
    return whatsapp(line, change(line, "messages", told, [whose]))


def became(line: Line, whose: Guest, message_id: str, at: float, kind: str, **more: Any) -> Body:
    """Return the body of a single status."""
    return whatsapp(line, change(line, "messages", {"statuses": [status(whose, message_id, at, kind, **more)]}))


def notice(line: Line, name: str, at: float, value: Body) -> Body:
    """Return a body about the business account itself: a template, its quality, its name."""
    entry = {"id": line.business_id, "time": int(at), "changes": [{"field": name, "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def past(line: Line, whose: Guest, told: Sequence[Body]) -> Body:
    """Return the history of one thread, as it comes when a number joins."""
    thread = {"id": whose.phone, "messages": list(told)}
    about = {"phase": 0, "chunk_order": 1, "progress": 100}
    return whatsapp(line, change(line, "history", {"history": [{"metadata": about, "threads": [thread]}]}))


def batch(line: Line, told: Sequence[tuple[Guest, Body]], statuses: Sequence[Body] = ()) -> Body:
    """Return one body of many messages, with statuses among them. Raises ValueError beyond what a request may carry."""
    if len(told) + len(statuses) > MOST_UPDATES:
        raise ValueError(f"a request carries at most {MOST_UPDATES} updates")
    value: Body = {"messages": [one for _, one in told]}
    if statuses:
        value["statuses"] = list(statuses)
    return whatsapp(line, change(line, "messages", value, dict.fromkeys(whose for whose, _ in told)))


def _introduced(whose: Guest) -> Body:
    profile = _there({"name": whose.name, "username": whose.username})
    who = {"wa_id": whose.phone, "user_id": whose.bsuid, "parent_user_id": whose.parent_bsuid}
    return {"profile": profile, **_there(who)}


def _there(known: Mapping[str, Any]) -> Body:
    return {name: one for name, one in known.items() if one is not None}


# Messenger and Instagram


def page_text(mid: str, body: str, **more: Any) -> Body:
    """Words of a guest."""
    return {"message": {"mid": mid, "text": body, **more}}


def page_file(mid: str, kind: str, url: str, **more: Any) -> Body:
    """A message with one attachment."""
    return {"message": {"mid": mid, "attachments": [{"type": kind, "payload": {"url": url}}], **more}}


def postback(mid: str, payload: str, title: str, **more: Any) -> Body:
    """A button of a message or of the menu."""
    return {"postback": {"mid": mid, "payload": payload, "title": title, **more}}


def item(line: Line, whose: Guest, at: float, told: Body) -> Body:
    """Return an item from a guest to our account, `at` in unix seconds."""
    return _between(whose.scoped_id, line.account_id, at, told)


def page_echo(line: Line, whose: Guest, at: float, mid: str, body: str, **more: Any) -> Body:
    """Return what was sent for us: by an agent in the platform's inbox, by an application, or by ourselves."""
    return _between(line.account_id, whose.scoped_id, at, page_text(mid, body, is_echo=True, **more))


def page(line: Line, at: float, *items: Body, name: str = "messaging") -> Body:
    """Return the body of items of a page; `standby` where another application holds the threads."""
    return _page("page", line, at, {name: list(items)})


def instagram(line: Line, at: float, *items: Body, name: str = "messaging") -> Body:
    """Return the body of items of an Instagram account."""
    return _page("instagram", line, at, {name: list(items)})


def instagram_change(line: Line, at: float, name: str, value: Body, *, flat: bool = False) -> Body:
    """Return a change of an Instagram account, in a list or, as with Instagram's own login, flat in the entry."""
    one = {"field": name, "value": value}
    return _page("instagram", line, at, one if flat else {"changes": [one]})


def page_change(line: Line, at: float, name: str, value: Body) -> Body:
    """Return a change of a page: a comment on a post."""
    return _page("page", line, at, {"changes": [{"field": name, "value": value}]})


def _page(kind: str, line: Line, at: float, told: Body) -> Body:
    return {"object": kind, "entry": [{"id": line.account_id, "time": int(at * 1_000), **told}]}


def _between(sender: str, recipient: str, at: float, told: Body) -> Body:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": int(at * 1_000), **told}


# Requests, and what happens to them on the way


def signed(body: Body, app_secret: str) -> Post:
    """Return a body as Meta posts it: escaped to ASCII in lower-case hex, and just these bytes signed."""
    raw = escaped(body)
    return Post(raw, {"content-type": "application/json", SIGNATURE: signature(app_secret, raw)})


def with_headers(body: Body, headers: Mapping[str, str]) -> Post:
    """Return a body as 360dialog posts it: unsigned, with the headers that were configured."""
    return Post(escaped(body), {"content-type": "application/json", **headers})


def batches(line: Line, told: Sequence[tuple[Guest, Body]], size: int = MOST_UPDATES) -> list[Body]:
    """Return bodies that carry the messages, `size` in each."""
    return [batch(line, told[first : first + size]) for first in range(0, len(told), size)]


def repeated(posts: Sequence[Post], share: float, seed: int) -> list[Post]:
    """Return the posts with copies among them, so that this share of all is copies; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
    copies = round(len(posts) * share / (1 - share))
    return shuffled([*posts, *chance.choices(posts, k=copies)], seed) if posts else []


def shuffled(posts: Sequence[Post], seed: int) -> list[Post]:
    """Return the posts in another order: statuses come before their messages, answers before questions."""
    return random.Random(seed).sample(list(posts), len(posts))  # noqa: S311 - repeatable chance, no secret


@dataclass(slots=True)
class Sent:
    """What became of posts: answers by status, requests in all, seconds that each answer took, posts given up."""

    answers: Counter[int] = field(default_factory=Counter)
    requests: int = 0
    took_s: list[float] = field(default_factory=list)
    given_up: int = 0


class Sender:
    """Posts as a platform does: many at once, each again until the answer is a 2xx.

    `lost_share` of the answers get lost on the way back, and what they answered is posted again: nothing tells the
    receiver that it was. `pause_s` lies before each further try, `tries` is when a post is given up.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        *,
        at_once: int = 64,
        tries: int = 20,
        pause_s: float = 0.05,
        lost_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._client, self._url, self._tries, self._pause_s = client, url, tries, pause_s
        self._at_once, self._lost_share = at_once, lost_share
        self._chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret

    async def send(self, posts: Iterable[Post]) -> Sent:
        """Post all of them and return what became of them; each connection takes the next one in order."""
        waiting, sent = iter(posts), Sent()

        async def connection() -> None:
            for one in waiting:
                await self._until_taken(one, sent)

        await asyncio.gather(*(connection() for _ in range(self._at_once)))
        return sent

    async def _until_taken(self, post: Post, sent: Sent) -> None:
        for attempt in range(self._tries):
            if attempt:
                await asyncio.sleep(self._pause_s)
            if await self._once(post, sent) and self._chance.random() >= self._lost_share:
                return
        sent.given_up += 1

    async def _once(self, post: Post, sent: Sent) -> bool:
        sent.requests += 1
        began = time.perf_counter()
        try:
            answer = await self._client.post(self._url, content=post.raw, headers=dict(post.headers))
        except httpx.HTTPError:
            return False  # nobody there, or cut off: it is posted again
        sent.took_s.append(time.perf_counter() - began)
        sent.answers[answer.status_code] += 1
        return answer.is_success
