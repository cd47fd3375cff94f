"""A full name as first and last name: titles off, and Arabic first names of two words kept together."""

import re
from typing import Final

from adapters.meta.normalise_text import look_up_key, without_invisible, words

# "Dr. Mona", "م/ أحمد", "أ.د/ سامي", "دكتورة هدى": how people sign lead forms here.
_TITLE: Final = re.compile(
    r"(?:(?:dr|mr|mrs|ms|miss|eng|prof)(?:\s*[./]\s*|\s+)"
    r"|(?:[أا]\s*\.\s*د|د|م|أ)\s*[./]\s*"
    r"|(?:ال)?(?:دكتورة?|دكتوره|مهندسة?|مهندسه|[أا]ستاذة?|[أا]ستاذه|سيدة?|سيده|مدام|حاجة?|حاجه)\s+)",
    re.IGNORECASE,
)
_TITLES_THAT_ARE_NAMES: Final = words("سيد سيدة سيده السيد")  # without the article it is a first name as well
_BEGINS: Final = frozenset(map(look_up_key, ("عبد", "abd", "abdel", "abdul", "abdal", "أبو", "abu", "abou")))
_ENDS: Final = frozenset(map(look_up_key, ("الدين", "الله", "eldin", "eldeen", "eddin", "aldin", "allah")))


def split_name(name: str) -> dict[str, list[str]]:
    """Return `fn` and `ln` of a full name, empty where there is none.

    Of the words after the first name either all or the last may be the surname: both are told, Meta takes several.
    """
    said = _without_title(without_invisible(name).strip()).split()
    if not said:
        return {}
    first = _first_name_words(said)
    rest = said[first:]
    found = {"fn": [" ".join(said[:first])]}
    return found | ({"ln": list(dict.fromkeys([" ".join(rest), rest[-1]]))} if rest else {})


def _without_title(name: str) -> str:
    while (match := _TITLE.match(name)) and match[0].strip() not in _TITLES_THAT_ARE_NAMES and name[match.end() :]:
        name = name[match.end() :]
    return name


def _first_name_words(said: list[str]) -> int:
    """Return how many words the first name has: عبد الرحمن, نور الدين and Abdel Rahman are one name."""
    if len(said) < 2:
        return 1
    return 2 if look_up_key(said[0]) in _BEGINS or look_up_key(said[1]) in _ENDS else 1
