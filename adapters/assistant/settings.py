"""How the assistant of a worker behaves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from adapters.assistant.builtin import BuiltinAssistant
from adapters.assistant.notices import MailNotifier, MailSettings
from adapters.assistant.office import Office
from adapters.assistant.understanding import BuiltinUnderstanding
from application.answer_thread import AnswerThread
from application.ports.assistant import Sends, Stories
from application.ports.conversions import Keys
from application.ports.desks import Desks
from application.ports.outbox import Leased, Records
from application.quiet_thread import QuietRules, QuietThread
from application.turn_taking import AnswerRules


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """When it answers, when a quiet thread rests, when somebody is in the office, and who is told by e-mail."""

    answers: AnswerRules = field(default_factory=AnswerRules)
    quiet: QuietRules = field(default_factory=QuietRules)
    office: Office = field(default_factory=Office)
    mail: MailSettings | None = None


@dataclass(frozen=True, slots=True)
class ThreadPorts:
    """What the work on threads needs of its worker. `at_once` carries a send out right after it was asked for."""

    stories: Stories
    desks: Desks
    records: Records
    keys: Keys
    sends: Sends
    at_once: Callable[[UUID], None] | None = None


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
        notifier=MailNotifier(settings.mail) if settings.mail else None,
        at_once=ports.at_once,
        rules=settings.answers,
    )
    quiet = QuietThread(ports.stories, ports.desks, ports.records, settings.quiet)
    return {"answer_thread": answer.run, "quiet_thread": quiet.run}
