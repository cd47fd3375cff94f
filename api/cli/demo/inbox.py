"""The inbox of the demo: accounts connected, the week's messages told, and a live hour with the agents at work."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from adapters.postgres.channels import APP_SECRETS, PostgresChannels
from api.cli.context import need_database
from api.cli.demo.customers import (
    ACCOUNTS,
    AD,
    ADEL,
    GONE,
    GRAM,
    HIDDEN,
    LONG,
    MONA,
    NUMBER,
    PAGE,
    RANA,
    SECOND,
    SENDER,
    WEEK,
    YOUSSEF,
    Account,
    Past,
)
from api.cli.demo.ground import Ground
from api.cli.demo.posting import NotPlayed
from api.settings import Settings

APP, TOKEN = "nile", "demo-token-for-the-channels"
APP_SECRET, HEADER = "demo-secret-of-the-app", "X-Webhook-Secret"
WEBHOOK_SECRET = "demo-secret-of-360dialog"  # noqa: S105
TEMPLATES = (
    ("viewing_reminder", "UTILITY", "Hello {{1}}, your viewing is {{2}}."),
    ("new_launch", "MARKETING", "A new launch in {{1}}."),
)
PATIENCE_S, POLL_S = 120.0, 0.1
LAST = "Magdy"
"""Who comes in the last story: once he wrote, all was played."""
Row = dict[str, Any]
# An SVG with a script in it, told to be a photo.
NO_PHOTO = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
PHOTO = (
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////"
    "////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)


@dataclass(slots=True)
class Told:
    """What came of the inbox: a line for each thing that an agent would tell, threads, surprises."""

    lines: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    threads: list[Row] = field(default_factory=list)
    transcript: str | None = None
    shown: str | None = None  # the thread of the transcript
    fresh: bool = True  # False: played here before


@dataclass(slots=True)
class Inbox:
    """The API as the agents use it, and the stand-in at which customers write."""

    agents: httpx.Client
    stand_in: httpx.Client
    told: Told = field(default_factory=Told)

    def say(self, account: str, user: str, message_id: str, at: float | None = None, **what: Any) -> None:
        """Let a customer write; the webhook is with us when this returns."""
        channel = next(one.channel for one in ACCOUNTS if one.id == account)
        body = {"channel": channel, "account": account, "user": user, "message_id": message_id, "at": at, **what}
        self._ask("POST", "/_simulator/customers/say", {name: one for name, one in body.items() if one is not None})

    def echo(self, account: str, user: str, words: str, message_id: str, at: float | None = None) -> None:
        """Let an agent write in the platform's own app."""
        channel = next(one.channel for one in ACCOUNTS if one.id == account)
        body = {"channel": channel, "account": account, "user": user, "text": words, "message_id": message_id}
        self._ask("POST", "/_simulator/echo", body | ({"at": at} if at is not None else {}))

    def plan(self, account: str, **faults: Any) -> None:
        """Let the stand-in fail for one account."""
        self._ask("PUT", f"/_simulator/faults?account={account}", faults)

    def know(self, channel: str, user: str, **said: Any) -> None:
        """Tell the stand-in something of a customer."""
        self._ask("PUT", f"/_simulator/customers/{channel}/{user}", said)

    def thread(self, account: str, name: str) -> str:
        """Return the thread of a customer by their name. Raises NotPlayed where it does not come."""
        return str(self.until(lambda: next(
            (one["id"] for one in self.threads() if one["account_id"] == account and one["customer"]["name"] == name),
            None,
        ), f"the thread of {name}"))  # fmt: skip

    def threads(self) -> list[Row]:
        """Return all threads, the newest first."""
        page = self.agents.get("/api/conversations", params={"limit": 200, "kind": "thread"}).raise_for_status()
        return list(page.json()["items"])

    def messages(self, thread: str) -> list[Row]:
        """Return the messages of a thread."""
        page = self.agents.get(f"/api/conversations/{thread}/messages", params={"limit": 200}).raise_for_status()
        return list(page.json()["items"])

    def post(self, thread: str, action: str, **body: Any) -> httpx.Response:
        """Do something in a thread as an agent."""
        return self.agents.post(f"/api/conversations/{thread}/{action}", json=body)

    def sent(self, thread: str, holds: Callable[[Row], bool], what: str) -> Row:
        """Wait until a message of ours in the thread is as wanted, and return it."""
        found: Row = self.until(
            lambda: next((one for one in self.messages(thread) if one["direction"] == "out" and holds(one)), None), what
        )
        return found

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Return what comes. Raises NotPlayed where it does not in time."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise NotPlayed(f"{what} did not come within {PATIENCE_S:.0f} s")
            time.sleep(POLL_S)
        return found

    def tell(self, line: str) -> None:
        """Note what an agent would tell."""
        self.told.lines.append(line)

    def _ask(self, method: str, path: str, body: Row) -> None:
        answer = self.stand_in.request(method, path, json=body)
        if answer.status_code >= 300:
            raise NotPlayed(f"the stand-in answered {answer.status_code} to {path}: {answer.text[:300]}")


def connect(settings: Settings, ground: Ground, address: str, agents: httpx.Client, stand_in: httpx.Client) -> None:
    """Connect the accounts here and at the stand-in, with its webhooks pointed at our door; again changes nothing."""
    channels = PostgresChannels(need_database(settings), settings.master())
    channels.note_app(ground.brokerage_id, APP)
    if not channels.endings(ground.brokerage_id, APP_SECRETS.format(APP)):
        channels.add_to(ground.brokerage_id, APP_SECRETS.format(APP), APP_SECRET)
    for one in ACCOUNTS:
        hosted = one.provider == "360dialog"
        body = {
            "channel": one.channel, "account_id": one.id, "provider": one.provider, "agent": one.agent, "token": TOKEN,
            "business_id": one.business_id, "page_id": one.page_id, "name": f"Nile Homes, {one.channel}",
            "app": None if hosted else APP, "webhook_secret": WEBHOOK_SECRET if hosted else None,
        }  # fmt: skip
        agents.post("/api/channels", json=_given(body)).raise_for_status()
        _register(stand_in, address, one)
    for name, category, words in TEMPLATES:
        template = {
            "name": name, "language": "en", "category": category, "components": [{"type": "BODY", "text": words}]
        }  # fmt: skip
        stand_in.put(f"/_simulator/templates/{ACCOUNTS[0].business_id}", json=template).raise_for_status()
    agents.post("/api/templates/sync", json={}).raise_for_status()


def _register(stand_in: httpx.Client, address: str, one: Account) -> None:
    hosted = one.provider == "360dialog"
    known = {
        "channel": one.channel, "provider": one.provider, "waba_id": one.business_id,
        "api_key" if hosted else "token": TOKEN,
    }  # fmt: skip
    hook = {
        "url": f"{address}/api/webhooks/360dialog/{one.id}" if hosted else f"{address}/api/webhooks/meta/{APP}",
        **({"headers": {HEADER: WEBHOOK_SECRET}} if hosted else {"app_secret": APP_SECRET}),
    }
    stand_in.put(f"/_simulator/accounts/{one.id}", json=_given(known)).raise_for_status()
    stand_in.put("/_simulator/webhooks", params={"account": one.id}, json=hook).raise_for_status()


def play_inbox(inbox: Inbox, anchor: datetime) -> Told:
    """Tell the week's messages, then live through an hour of the agents; what was played before is not played again."""
    inbox.told.fresh = all(one["customer"]["name"] != LAST for one in inbox.threads())
    for nth, one in enumerate(WEEK):
        _past(inbox, nth, one, anchor)
    if inbox.told.fresh:
        for story in STORIES:
            try:
                story(inbox)
            except (NotPlayed, httpx.HTTPStatusError) as surprise:
                inbox.told.surprises.append(f"{story.__name__.strip('_')}: {surprise}")
    inbox.told.threads = inbox.threads()
    inbox.told.shown = next((one["id"] for one in inbox.told.threads if one["customer"]["name"] == "Mona Adel"), None)
    if inbox.told.shown:
        exported = inbox.agents.get(f"/api/conversations/{inbox.told.shown}/export", params={"format": "text"})
        inbox.told.transcript = exported.raise_for_status().text
    return inbox.told


def _past(inbox: Inbox, nth: int, one: Past, anchor: datetime) -> None:
    at = (anchor - timedelta(days=one.days) + timedelta(seconds=nth)).timestamp()
    name = f"wamid.demo-week-{nth}" if one.account in (NUMBER, SECOND) else f"m_demo-week-{nth}"
    if one.echo:
        inbox.echo(one.account, one.user, str(one.said["text"]), name, at)
    else:
        inbox.say(one.account, one.user, name, at, customer={"name": one.name}, **one.said)


def _mona_comes_from_an_advertisement(inbox: Inbox) -> None:
    """A burst from an advertisement gets one answer; Karim takes over; a button, a reaction, a survey."""
    for nth, words in enumerate(("السلام عليكم", "شفت الإعلان بتاع التجمع", "عايزة شقة غرفتين بحدود ٣ مليون قريب")):
        referral: Row = {"referral": AD} if nth == 0 else {}
        inbox.say(NUMBER, MONA, f"wamid.demo-mona-{nth}", customer={"name": "Mona Adel"}, text=words, **referral)
    thread = inbox.thread(NUMBER, "Mona Adel")
    first = inbox.sent(thread, lambda one: one["author"] == "assistant" and one["outcome"] == "accepted", "an answer")
    answers = [one for one in inbox.messages(thread) if one["author"] == "assistant"]
    inbox.tell(f"Mona came from an advertisement and wrote three times; the assistant answered {_times(len(answers))}")
    inbox.post(thread, "takeover", agent="Karim", reason="a hot lead").raise_for_status()
    second = inbox.post(thread, "takeover", agent="Salma")
    _expect(second, 409)
    choices = [{"id": "book", "title": "احجز معاينة"}, {"id": "call", "title": "كلمني"}]
    inbox.post(thread, "messages", agent="Karim", text="أهلاً يا مدام منى، تحبي نعاين إمتى؟", buttons=choices,
               reply_to=first["reply_to"]).raise_for_status()  # fmt: skip
    inbox.sent(thread, lambda one: one["author"] == "agent" and one["outcome"] == "accepted", "Karim's message")
    inbox.say(NUMBER, MONA, "wamid.demo-mona-book", button={"id": "book", "title": "احجز معاينة"})
    inbox.say(NUMBER, MONA, "wamid.demo-mona-heart", reaction={"message_id": "wamid.demo-mona-book", "emoji": "❤️"})
    inbox.sent(thread, lambda one: one["status"] == "read", "a read receipt")
    asked = inbox.post(thread, "close", agent="Karim", reason="a viewing is booked", survey="ar").raise_for_status()
    if asked.json()["survey"]:
        inbox.sent(thread, lambda one: one["purpose"] == "survey" and one["outcome"] == "accepted", "the survey")
        row = next(one for one in inbox.messages(thread) if one["purpose"] == "survey")
        inbox.say(NUMBER, MONA, "wamid.demo-mona-five", row=_row_of(row, "5"))
    inbox.tell(
        "Karim took over from the assistant (Salma, a moment later: held by another), offered two buttons, booked a "
        "viewing and closed with a survey"
    )
    inbox.tell(f"What Mona said brought, as messaging events with her click: {_brought(inbox, thread)}")


def _brought(inbox: Inbox, thread: str) -> str:
    """Return the conversions of a thread's person, once Meta's stand-in has accepted one."""
    person = inbox.agents.get(f"/api/conversations/{thread}").raise_for_status().json()["person_id"]

    def accepted() -> list[str]:
        found = inbox.agents.get("/api/conversions", params={"person": person, "limit": 50}).raise_for_status().json()
        return [
            f"{one['event_name']} {float(one['value'] or 0):,.0f}"
            for one in found["items"]
            if one["status"] == "accepted" and one["action_source"] == "business_messaging"
        ]

    return ", ".join(inbox.until(accepted, "a conversion of Mona's"))


def _row_of(survey: Row, stars: str) -> dict[str, str]:
    rows = [row for section in survey["content"]["sections"] for row in section["rows"]]
    found = next(row for row in rows if row["id"].endswith(stars))
    return {"id": found["id"], "title": found["title"]}


def _somebody_hides_their_number(inbox: Inbox) -> None:
    """A WhatsApp user without a number writes in Arabizi, and shows the number later: one thread."""
    inbox.know("whatsapp", HIDDEN, name="Sherif", bsuid=HIDDEN, hides_phone=True)
    inbox.say(NUMBER, HIDDEN, "wamid.demo-sherif-1", text="salam, 3ayez a3raf el as3ar fe madinaty")
    thread = inbox.thread(NUMBER, "Sherif")
    inbox.sent(thread, lambda one: one["outcome"] == "accepted", "an answer to somebody without a number")
    inbox.know("whatsapp", HIDDEN, phone="201002220002", hides_phone=False)
    inbox.say(NUMBER, HIDDEN, "wamid.demo-sherif-2", text="da rakamy, kalemny 3aleh")
    inbox.until(lambda: inbox.agents.get(f"/api/conversations/{thread}").json()["customer"].get("phone"), "a number")
    inbox.tell("Sherif hides his number: answered by his user id; his number came later, into the same thread")


def _files_come_in(inbox: Inbox) -> None:
    """A photo is kept, something that only says it is one is refused."""
    photo = {"kind": "image", "base64": PHOTO, "caption": "دي شقتي اللي عايز أبيعها"}
    inbox.say(SECOND, SENDER, "wamid.demo-photo", customer={"name": "Walid Amin"}, media=photo)
    inbox.say(SECOND, SENDER, "wamid.demo-no-photo", media={"kind": "image", "content": NO_PHOTO})
    thread = inbox.thread(SECOND, "Walid Amin")
    inbox.until(
        lambda: {
            outcome for one in inbox.messages(thread) if (outcome := (one["media"] or {}).get("state"))
        } >= {"kept", "refused"}, "a photo kept and another refused",
    )  # fmt: skip
    inbox.tell("Walid sent a photo, which is kept, and a script that said it was one, which is refused")


def _an_agent_answers_in_the_app(inbox: Inbox) -> None:
    """Salma answers in the page's own inbox: it is in the thread once, and the assistant keeps still."""
    inbox.say(
        PAGE, YOUSSEF, "m_demo-youssef-1", customer={"name": "Youssef"}, text="Is the duplex in Zayed still there?"
    )
    thread = inbox.until(
        lambda: next((one["id"] for one in inbox.threads() if one["account_id"] == PAGE and one["unread"]), None),
        "Youssef's thread",
    )
    inbox.echo(PAGE, YOUSSEF, "Yes, it is. I am sending you the plan.", "m_demo-youssef-2")
    inbox.sent(thread, lambda one: one["author"] == "elsewhere", "what Salma wrote in the app")
    inbox.tell("Salma answered Youssef in Messenger's own inbox; it stands in the thread once")


def _a_long_answer_is_split(inbox: Inbox) -> None:
    """Instagram takes 1,000 bytes: a long Arabic answer goes in parts; the customer edits and takes back."""
    inbox.say(GRAM, RANA, "m_demo-rana-1", customer={"name": "Rana"}, text="ممكن تفاصيل الاستديو؟ والايجار كام")
    edited = {"message_id": "m_demo-rana-1", "text": "ممكن تفاصيل الاستديو؟ والايجار كام في الشهر"}
    inbox.say(GRAM, RANA, "m_demo-rana-edit", edit=edited)
    inbox.say(GRAM, RANA, "m_demo-rana-2", text="oops wrong chat")
    inbox.say(GRAM, RANA, "m_demo-rana-3", revoke="m_demo-rana-2")
    thread = inbox.until(lambda: next(
        (one["id"] for one in inbox.threads() if one["account_id"] == GRAM and one["inbound"] >= 2), None,
    ), "Rana's thread")  # fmt: skip
    parts = inbox.post(thread, "messages", agent="Karim", text=LONG).raise_for_status().json()["send_ids"]
    inbox.until(
        lambda: sum(one["send_id"] in parts and one["outcome"] == "accepted" for one in inbox.messages(thread))
        == len(parts), "all parts",
    )  # fmt: skip
    inbox.tell(f"Karim's answer to Rana, {len(LONG.encode()):,} bytes, went to Instagram in {len(parts)} parts")


def _stop_means_stop(inbox: Inbox) -> None:
    """Who says stop gets a confirmation, and no marketing from then on."""
    inbox.say(NUMBER, ADEL, "wamid.demo-adel-1", customer={"name": "Adel Roushdy"}, text="إلغاء الاشتراك")
    thread = inbox.thread(NUMBER, "Adel Roushdy")
    inbox.sent(thread, lambda one: one["purpose"] == "opt_out", "the confirmation")
    refused = inbox.post(
        thread, "messages", agent="Karim", purpose="marketing", template=_template("new_launch", "Zayed")
    )
    _expect(refused, 409)
    inbox.tell(f"Adel wrote إلغاء الاشتراك; marketing to him is refused: {refused.json().get('detail', '')}")


def _a_window_is_closed(inbox: Inbox) -> None:
    """Two days later words are refused with the reason; an approved template goes."""
    thread = inbox.thread(NUMBER, "Hany Fathy")
    refused = inbox.post(thread, "messages", agent="Karim", text="صباح الخير أستاذ هاني")
    _expect(refused, 409)
    inbox.until(lambda: inbox.agents.get("/api/templates").json()["items"], "the templates")
    inbox.post(thread, "messages", agent="Karim", template=_template("viewing_reminder", "Hany", "on Thursday at 6"))
    inbox.sent(thread, lambda one: one["type"] == "template" and one["outcome"] == "accepted", "the template")
    inbox.tell(f"To Hany: {refused.json().get('detail', '')}; the approved template went instead")


def _an_answer_is_lost(inbox: Inbox) -> None:
    """The platform's answer gets lost after it took the message: unknown, settled by its receipt, not sent twice."""
    thread = inbox.thread(SECOND, "Walid Amin")
    inbox.plan(SECOND, fail_next=["lost_after_processing"])
    said = inbox.post(
        thread, "messages", agent="Salma", text="شكراً يا أستاذ وليد، هنقيمها ونكلمك بكرة"
    ).raise_for_status()
    send_id = said.json()["send_ids"][0]
    mine = inbox.sent(thread, lambda one: one["send_id"] == send_id and one["outcome"] == "accepted", "the receipt")
    inbox.tell(f"The answer to a message to Walid was lost; it was not sent again, its {mine['outcome_by']} settled it")


def _somebody_is_out_of_reach(inbox: Inbox) -> None:
    """A message that never arrives says why, and the customer is remembered as out of reach."""
    inbox.say(NUMBER, GONE, "wamid.demo-gone-1", customer={"name": LAST}, text="ابعتلي التفاصيل")
    thread = inbox.thread(NUMBER, LAST)
    inbox.sent(thread, lambda one: one["outcome"] == "accepted", "an answer to Magdy")
    inbox.know("whatsapp", GONE, reach="undeliverable")
    inbox.post(thread, "messages", agent="Karim", text="اتفضل التفاصيل كاملة").raise_for_status()
    failed = inbox.sent(thread, lambda one: one["author"] == "agent" and one["status"] == "failed", "a failure")
    inbox.tell(f"Karim's message to Magdy failed: {failed['reason']} ({failed['code']})")


STORIES: tuple[Callable[[Inbox], None], ...] = (
    _mona_comes_from_an_advertisement, _somebody_hides_their_number, _files_come_in, _an_agent_answers_in_the_app,
    _a_long_answer_is_split, _stop_means_stop, _a_window_is_closed, _an_answer_is_lost, _somebody_is_out_of_reach,
)  # fmt: skip


def _template(name: str, *words: str) -> Row:
    parameters = [{"type": "text", "text": word} for word in words]
    return {"name": name, "language": "en", "components": [{"type": "body", "parameters": parameters}]}


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise NotPlayed(f"{status} was expected, {answer.status_code} came: {answer.text[:200]}")


def _given(body: Row) -> Row:
    return {name: one for name, one in body.items() if one is not None}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def lines_of(told: Told) -> Iterator[str]:
    """Return what is printed of the inbox."""
    by_channel: dict[str, int] = {}
    states: dict[str, int] = {}
    for one in told.threads:
        by_channel[one["channel"]] = by_channel.get(one["channel"], 0) + 1
        states[one["status"]] = states.get(one["status"], 0) + 1
    counted = ", ".join(f"{count} on {channel}" for channel, count in sorted(by_channel.items()))
    stand = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    yield f"{len(told.threads)} threads: {counted}; {stand}"
    if not told.fresh:
        yield "played here before, so nobody writes anew"
    yield from told.lines
