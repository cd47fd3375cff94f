"""Conversations of the demo: what is said in them, in English, Arabic and Arabic in Latin letters, and how they go."""

from datetime import datetime, timedelta
from typing import Literal

from api.cli.demo.diary import Body, Diary
from api.cli.demo.homes import Home

Kind = Literal["voice", "avatar", "web_chat", "text_thread"]
Lines = tuple[str, ...]

# fmt: off
TRANSCRIPTS: tuple[tuple[str, Lines], ...] = (
    ("English", (
        "Hi, I saw the apartment online. How much is it?",
        "It is offered at the price on its page, and the owner is open to a talk.",
        "My budget is up to 15 million and I want to buy this month. Do you have a payment plan?",
        "Yes: a third now, the rest over four years.",
        "That works for me. Can I see it in person on Thursday?",
        "Of course, I will send you the address.",
    )),
    ("Arabic", (
        "السلام عليكم، الشقة دي بكام؟",
        "أهلا بحضرتك، السعر مكتوب في الصفحة وفيه تفاوض.",
        "ميزانيتي ٨ مليون، وفيه تقسيط ولا كاش بس؟",
        "فيه تقسيط على خمس سنين.",
        "تمام، عايزة أشوف الشقة الأسبوع ده، كلموني على 01001234567",
        "تمام يا فندم، هنكلم حضرتك النهاردة.",
    )),
    ("Arabizi", (
        "salam, el sha2a di bekam?",
        "ahlan, el se3r 3al saf7a.",
        "ghaly shewaya, fe ta2seet? mezanyety 6 million",
        "aywa, fe 2est 3ala 4 seneen.",
        "tamam, kalemny bokra",
        "7ader.",
    )),
    ("English, in passing", (
        "Just browsing, is the duplex still available?",
        "It is. Would you like to see it?",
        "Not sure yet, thanks.",
    )),
)
"""In which language → what customer and assistant say by turns, the customer first."""
# fmt: on

KEEN: Body = {
    "buying_intent": "high", "timeline": "immediate", "asked_about_price": True, "asked_about_financing": True,
    "requested_viewing": True, "gave_contact": True, "engagement_level": "high", "questions": 6, "sentiment": 0.7,
    "budget": {"min": 12_000_000, "max": 16_000_000}, "topics": ["price", "financing", "viewing"],
}  # fmt: skip
FAIR: Body = {
    "buying_intent": "medium", "timeline": "soon", "asked_about_price": True, "engagement_level": "medium",
    "questions": 3, "sentiment": 0.3, "objections": ["a little above what we wanted to spend"],
}  # fmt: skip
COOL: Body = {"buying_intent": "low", "timeline": "unknown", "engagement_level": "low", "questions": 1}


def talk(one: Diary, at: datetime, home: Home, kind: Kind, analysis: Body) -> datetime:
    """Talk with the assistant, which tells its analysis at the end; return when it was over."""
    about: Body = {"session_id": f"talk-{one.number}-{len(one.items)}-{one.anchor:%y%m%d%H%M%S}",
                   "conversation_kind": kind, "property_id": home.id}  # fmt: skip
    one.note("conversations.started.v1", at, about)
    if analysis.get("asked_about_price"):
        one.note("conversations.event_tracked.v1", at + timedelta(seconds=40), {**about, "event": "price_asked"})
    if analysis.get("requested_viewing"):
        asked = {**about, "milestone": "viewing_requested"}
        one.note("conversations.milestone_reached.v1", at + timedelta(seconds=90), asked)
    minutes = one.rng.randint(2, 9)
    over = at + timedelta(minutes=minutes)
    turns = {"customer_turns": 2 * minutes, "our_turns": 2 * minutes, "duration_s": 60.0 * minutes}
    one.note("conversations.completed.v1", over, {**about, **turns, "analysis": analysis})
    return over


def chat(one: Diary, at: datetime, home: Home | None, kind: Kind, lines: Lines) -> datetime:
    """Write with the assistant; only the words are handed over, to be read by us. Return when it was over."""
    session = f"chat-{one.number}-{len(one.items)}-{one.anchor:%y%m%d%H%M%S}"
    about: Body = {"session_id": session, "conversation_kind": kind, **({"property_id": home.id} if home else {})}
    over = at + timedelta(minutes=len(lines))
    said = [{"by": ("customer", "assistant")[nth % 2], "text": line} for nth, line in enumerate(lines)]
    times = {"duration_s": (over - at).total_seconds()}
    one.note("conversations.started.v1", at, about)
    one.note("conversations.completed.v1", over, {**about, **times, "transcript": {"turns": said}})
    return over


def transcript(one: Diary) -> Lines:
    """Return what this person says, by their number, so that every language is spoken among few people already."""
    return TRANSCRIPTS[one.nth % len(TRANSCRIPTS)][1]
