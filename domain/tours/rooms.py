"""Which kind of room a tour player's label means."""

from functools import lru_cache
from typing import Literal

RoomKind = Literal["bedroom", "kitchen", "other"]

# fmt: off
WORDS: dict[RoomKind, tuple[str, ...]] = {
    "other":   ("bath", "toilet", "closet", "dressing", "hammam", "حمام"),  # a master bathroom is no bedroom
    "kitchen": ("kitchen", "pantry", "matbakh", "مطبخ"),
    "bedroom": ("bedroom", "bed room", "master", "nursery", "ghorfet nom", "غرفة نوم", "غرفه نوم", "أوضة نوم"),
}
# fmt: on


@lru_cache(maxsize=4096)
def room_kind(label: str) -> RoomKind:
    """Return the kind of a room by the words in its label, in English, Arabic or Arabizi."""
    plain = label.casefold().replace("_", " ").replace("-", " ")
    for kind, words in WORDS.items():
        if any(word in plain for word in words):
            return kind
    return "other"
