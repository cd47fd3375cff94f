"""The built-in answerer: greets once, says once that a human will answer and when, and otherwise keeps still."""

from datetime import datetime

from application.ports.assistant import Answer, Language, Silence, Situation

ASKED = "the customer asks for a human"

# fmt: off
GREETING: dict[Language, str] = {
    "ar": "أهلاً بيك{name}! وصلتنا رسالتك وفريقنا هيرد عليك في أقرب وقت.",
    "en": "Hello{name}! We got your message, and our team will answer you soon.",
}
HUMAN: dict[Language, str] = {
    "ar": "تمام، واحد من فريقنا هيكلمك في أقرب وقت.",
    "en": "Of course: one of our team will answer you here soon.",
}
ACKNOWLEDGED: dict[Language, str] = {
    "ar": "وصلتنا رسالتك، وفريقنا هيرد عليك في أقرب وقت.",
    "en": "We got your message, and our team will answer you soon.",
}
CLOSED: dict[Language, str] = {
    "ar": " إحنا دلوقتي خارج مواعيد العمل، وهنرد عليك {when}.",
    "en": " Our office is closed now: expect an answer {when}.",
}
NAMED: dict[Language, str] = {"ar": " في {name}", "en": " from {name}"}
DAYS: dict[Language, tuple[str, ...]] = {
    "ar": ("الاتنين", "التلات", "الأربع", "الخميس", "الجمعة", "السبت", "الحد"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
WHEN: dict[Language, tuple[str, str, str]] = {
    "ar": ("النهاردة بعد الساعة {time}", "بكرة بعد الساعة {time}", "يوم {day} بعد الساعة {time}"),
    "en": ("today after {time}", "tomorrow after {time}", "on {day} after {time}"),
}
# fmt: on


class BuiltinAssistant:
    """The Assistant that knows no homes: it keeps a customer company until a human answers."""

    def answer(self, situation: Situation) -> Answer | Silence:
        """Return the greeting, that a human will answer, an acknowledgement, or silence where it was said before."""
        language = situation.language
        when = _when(situation)
        if any(one.told.wants_human for one in situation.waiting):
            return Answer(HUMAN[language] + when, hand_over=ASKED)
        if not situation.greeted:
            name = NAMED[language].format(name=situation.brokerage) if situation.brokerage else ""
            return Answer(GREETING[language].format(name=name) + when)
        if not situation.acknowledged:
            return Answer(ACKNOWLEDGED[language] + when)
        return Silence("said before, and no human answered since")


def _when(situation: Situation) -> str:
    """Return when to expect an answer outside office hours, nothing within them."""
    if situation.back_at is None:
        return ""
    now = situation.now.astimezone(situation.back_at.tzinfo)
    return CLOSED[situation.language].format(when=_told(situation.back_at, now, situation.language))


def _told(back: datetime, now: datetime, language: Language) -> str:
    today, tomorrow, later = WHEN[language]
    days = (back.date() - now.date()).days
    form = today if days == 0 else tomorrow if days == 1 else later
    return form.format(time=f"{back:%H:%M}", day=DAYS[language][back.weekday()])
