"""A conversation word for word, as turns."""

from itertools import groupby

from domain.conversations.analysis import Said, Speaker, Transcript, Turn

# fmt: off
SAYS: dict[Speaker, tuple[str, ...]] = {
    "customer":  ("customer", "client", "user", "caller", "visitor", "lead", "buyer", "me", "العميل", "عميل",
                  "الزبون", "زبون", "المشتري"),
    "assistant": ("assistant", "ai", "bot", "avatar", "masar", "المساعد", "مساعد", "البوت"),
    "agent":     ("agent", "broker", "sales", "operator", "representative", "الموظف", "موظف", "الوكيل", "المندوب",
                  "السمسار", "المبيعات"),
}
# fmt: on
"""Who speaks → how transcripts write it at the beginning of a line, before a colon."""
SPEAKER_OF = {word: speaker for speaker, words in SAYS.items() for word in words}
LONGEST_NAME = 20


def turns_of(transcript: Transcript) -> tuple[Turn, ...]:
    """Return the turns of a transcript; a text is parted at lines that name their speaker.

    What stands before the first such line, or everything where there is none, counts as the customer's.
    """
    if transcript.turns or transcript.text is None:
        return transcript.turns
    lines = [_line(line) for line in transcript.text.splitlines() if line.strip()]
    told: list[tuple[Speaker, str]] = []
    for speaker, words in lines:
        told.append((speaker or (told[-1][0] if told else "customer"), words))
    parted = any(speaker for speaker, _ in lines)
    if not parted:
        return tuple(Turn(by=speaker, text=words) for speaker, words in told)
    grouped = ((by, "\n".join(words for _, words in said)) for by, said in groupby(told, key=lambda one: one[0]))
    return tuple(Turn(by=by, text=text) for by, text in grouped if text)


def _line(line: str) -> tuple[Speaker | None, Said]:
    name, colon, words = line.partition(":")
    speaker = SPEAKER_OF.get(name.strip(" []()*-").casefold()) if colon and len(name) <= LONGEST_NAME else None
    return (speaker, words.strip()) if speaker else (None, line.strip())
