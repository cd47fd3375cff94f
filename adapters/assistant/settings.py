"""How the assistant of a worker behaves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from adapters.assistant.builtin import BuiltinAssistant
from adapters.assistant.notices import MailSettings, SmtpMail
from adapters.assistant.office import Office
from adapters.assistant.understanding import BuiltinUnderstanding
from application.answer_thread import AnswerThread
from application.clock import Clock, utc_now
from application.ports.assistant import Colleagues, Sends, Stories
from application.ports.channels import Channels, NameOf, Shaper
from application.ports.conversions import Keys
from application.ports.desks import Desks
from application.ports.notices import NoticeBook
from application.ports.outbox import Leased, Notes, Records
from application.quiet_thread import QuietRules, QuietThread
from application.tell_agents import TellAgent, TellAgents
from application.turn_taking import AnswerRules


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """When it answers, when a quiet thread rests, when somebody is in the office, and how agents are told.

    `link` is where people open a conversation, with `{id}` for its id.
    """

    answers: AnswerRules = field(default_factory=AnswerRules)
    quiet: QuietRules = field(default_factory=QuietRules)
    office: Office = field(default_factory=Office)
    mail: MailSettings | None = None
    link: str = "/api/conversations/{id}"


@dataclass(frozen=True, slots=True)
class ThreadPorts:
    """What the work on threads needs of its worker. `at_once` carries a send out right after it was asked for."""

    stories: Stories
    desks: Desks
    records: Records
    keys: Keys
    sends: Sends
    at_once: Callable[[UUID], None] | None = None
    colleagues: Colleagues | None = None
    clock: Clock = utc_now


def thread_work(settings: AssistantSettings, ports: ThreadPorts) -> dict[str, Callable[[Leased], None]]:
    """Return what carries out each kind of message about a thread, with the built-in assistant."""
    answer = AnswerThread(
        stories=ports.stories,
        desks=ports.desks,
        records=ports.records,
        keys=ports.keys,
        understanding=BuiltinUnderstanding(),
        assistant=BuiltinAssistant(),
        sends=ports.sends,
        back_at=settings.office.back_at,
        at_once=ports.at_once,
        rules=settings.answers,
        colleagues=ports.colleagues,
        clock=ports.clock,
    )
    quiet = QuietThread(ports.stories, ports.desks, ports.records, settings.quiet, ports.clock)
    return {"answer_thread": answer.run, "quiet_thread": quiet.run}


@dataclass(frozen=True, slots=True)
class NoticePorts:
    """What telling agents needs of its worker."""

    book: NoticeBook
    stories: Stories
    keys: Keys
    channels: Channels
    shaper: Shaper
    notes: Notes
    name_of: NameOf
    clock: Clock = utc_now


def notice_work(settings: AssistantSettings, ports: NoticePorts) -> dict[str, Callable[[Leased], None]]:
    """Return what carries out the messages that tell agents of a human wanted."""
    mail, everyone = settings.mail, settings.mail.to if settings.mail else ()
    one = TellAgent(
        book=ports.book, stories=ports.stories, open_all=ports.keys.open_all, channels=ports.channels,
        shaper=ports.shaper, notes=ports.notes, name_of=ports.name_of, mail=SmtpMail(mail) if mail else None,
        everyone=everyone, link=settings.link, clock=ports.clock,
    )  # fmt: skip
    return {"tell_agents": TellAgents(ports.book, bool(everyone)).run, "tell_agent": one.run}
