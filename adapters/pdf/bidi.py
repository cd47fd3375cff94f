"""The order in which letters of both directions are read on a line (Unicode Bidirectional Algorithm, UAX 9).

Explicit marks of direction are dropped, as nothing that somebody writes may turn the text around it; of the rules for
brackets (N0) only what N1 and N2 give as well.
"""

import unicodedata
from collections.abc import Sequence
from itertools import groupby

STRONG = {"L": 0, "R": 1, "AL": 1}
NEUTRAL = frozenset({"B", "S", "WS", "ON"})
DROPPED = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def without_marks(text: str) -> str:
    """Return a text without the characters that embed, override or isolate."""
    return "".join(one for one in text if unicodedata.bidirectional(one) not in DROPPED)


def base_level(text: str) -> int:
    """Return 1 where the first strong letter is of a script that runs from right to left, else 0 (P2, P3)."""
    return next((STRONG[kind] for one in text if (kind := unicodedata.bidirectional(one)) in STRONG), 0)


def levels(text: str, base: int) -> list[int]:
    """Return the level of each character of a paragraph: even runs to the right, odd to the left."""
    kinds = [unicodedata.bidirectional(one) or "L" for one in text]
    _weak(kinds, base)
    _neutral(kinds, base)
    return [_level(kind, base) for kind in kinds]


def _weak(kinds: list[str], base: int) -> None:
    start = "R" if base else "L"
    before, strong = start, start
    for at, kind in enumerate(kinds):  # W1, W2, W3
        if kind in ("NSM", "BN"):
            kinds[at] = kind = before
        elif kind in STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[at] = kind = "AN"
        before = kind
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for at in range(1, len(kinds) - 1):  # W4
        sides = kinds[at - 1], kinds[at + 1]
        if (kinds[at] == "ES" and sides == ("EN", "EN")) or (kinds[at] == "CS" and sides in NUMBERS):
            kinds[at] = sides[0]
    at = 0
    for kind, group in groupby(list(kinds)):  # W5: a run of terminators beside a number belongs to it
        length = len(list(group))
        around = kinds[at - 1 : at] + kinds[at + length : at + length + 1]
        if kind == "ET" and "EN" in around:
            kinds[at : at + length] = ["EN"] * length
        at += length
    strong = start
    for at, kind in enumerate(kinds):  # W6, W7
        if kind in ("ES", "ET", "CS"):
            kinds[at] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[at] = "L"


NUMBERS = (("EN", "EN"), ("AN", "AN"))


def _neutral(kinds: list[str], base: int) -> None:
    """Give neutrals the direction of what is on both their sides, else that of the paragraph (N1, N2)."""
    own = "R" if base else "L"
    at = 0
    for neutral, group in groupby([kind in NEUTRAL for kind in kinds]):
        length = len(list(group))
        if neutral:
            left = _side(kinds[at - 1]) if at else own
            right = _side(kinds[at + length]) if at + length < len(kinds) else own
            kinds[at : at + length] = [left if left == right else own] * length
        at += length


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"


def _level(kind: str, base: int) -> int:
    """Rules I1 and I2."""
    if base % 2 == 0:
        return base + {"R": 1, "AN": 2, "EN": 2}.get(kind, 0)
    return base + (1 if kind in ("L", "EN", "AN") else 0)


def runs(levels: Sequence[int], base: int, blank: Sequence[bool]) -> list[tuple[int, int, int]]:
    """Return the runs of a line from left to right: (first, behind the last, level).

    `blank` tells which characters are spaces: those at the end of the line stand at the paragraph's end (L1, L2).
    """
    own = list(levels)
    for at in range(len(own) - 1, -1, -1):
        if not blank[at]:
            break
        own[at] = base
    found, at = [], 0
    for level, group in groupby(own):
        length = len(list(group))
        found.append((at, at + length, level))
        at += length
    odd = [level for _, _, level in found if level % 2]
    for level in range(max((one[2] for one in found), default=0), min(odd, default=1) - 1, -1):
        found = _turned(found, level)
    return found


def _turned(found: list[tuple[int, int, int]], level: int) -> list[tuple[int, int, int]]:
    turned: list[tuple[int, int, int]] = []
    for high, group in groupby(found, key=lambda one: one[2] >= level):
        part = list(group)
        turned += reversed(part) if high else part
    return turned
