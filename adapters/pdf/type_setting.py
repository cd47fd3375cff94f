"""Letters as they are set: joined and ordered by the rules of their script, broken into lines, in an embedded font."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import uharfbuzz as hb

from adapters.pdf.bidi import base_level, levels, runs, without_marks

FONTS = Path(__file__).parent / "fonts"
JOINERS = {"‍", "️", "︎"}


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph on its line: its number, where it stands from the line's left edge, and what it writes (points)."""

    number: int
    x: float
    y: float
    advance: float
    text: str


@dataclass(frozen=True, slots=True)
class SetLine:
    """One line: its words in reading order, its glyphs from left to right, its width in points, and where it begins."""

    text: str
    glyphs: tuple[Glyph, ...]
    width: float
    from_right: bool


@dataclass
class Typeface:
    """A font file; `used` collects the glyphs that a document needs of it, and what they write."""

    data: bytes
    face: hb.Face
    font: hb.Font
    units: int
    used: dict[int, str] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str) -> "Typeface":
        """Return a font of ours by the name of its file."""
        data = _read(name)
        face = hb.Face(data)
        return cls(data, face, hb.Font(face), face.upem)

    def lines(self, text: str, size: float, width: float) -> Iterator[SetLine]:
        """Yield a paragraph's lines no wider than `width` (points); one without a letter is one empty line."""
        shown = self._shown(without_marks(text.replace("\t", "    ")))
        base = base_level(shown)
        own = levels(shown, base)
        for first, last in self._broken(shown, own, size, width):
            yield self._line(shown[first:last], own[first:last], base, size)

    def _shown(self, text: str) -> str:
        """Return a text in which what the font lacks is named in words."""
        found = []
        for one in text:
            if self.font.get_nominal_glyph(ord(one)) or unicodedata.category(one) in ("Mn", "Zs"):
                found.append(one)
            elif one not in JOINERS and unicodedata.category(one) not in ("Cc", "Cf", "Sk"):
                found.append(f"[{unicodedata.name(one, 'sign').lower()}]")
        return "".join(found)

    def _broken(self, text: str, own: Sequence[int], size: float, width: float) -> Iterator[tuple[int, int]]:
        """Yield where lines begin and end: between words, within one only where it is wider than a line."""
        first, used = 0, 0.0
        for start, end in _words(text):
            wide = self._width(text[start:end], own[start:end], size)
            if used + self._width(text[start:end].rstrip(" "), own[start:end], size) > width and start > first:
                yield first, start
                first, used = start, 0.0
            while wide > width and end - start > 1:
                fits = self._fitting(text[start:end], own[start:end], size, width)
                yield first, start + fits
                first = start = start + fits
                wide = self._width(text[start:end], own[start:end], size)
            used += wide
        yield first, len(text)

    def _fitting(self, text: str, own: Sequence[int], size: float, width: float) -> int:
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._width(text[:middle], own[:middle], size) <= width else (low, middle - 1)
        return low

    def _width(self, text: str, own: Sequence[int], size: float) -> float:
        return sum(
            sum(glyph[1] for glyph in self._shaped(text[first:last], level)) * size / self.units
            for first, last, level in runs(own[: len(text)], 0, [False] * len(text))
        )

    def _line(self, text: str, own: Sequence[int], base: int, size: float) -> SetLine:
        glyphs, x, scale = [], 0.0, size / self.units
        stripped = text.rstrip(" ")
        own = own[: len(stripped)]
        for first, last, level in runs(own, base, [one.isspace() for one in stripped]):
            for number, advance, dx, dy, written in self._shaped(stripped[first:last], level):
                glyphs.append(Glyph(number, x + dx * scale, dy * scale, advance * scale, written))
                self.used.setdefault(number, written)
                x += advance * scale
        return SetLine(stripped, tuple(glyphs), x, bool(base))

    def _shaped(self, text: str, level: int) -> list[tuple[int, int, int, int, str]]:
        """Return the glyphs of a run from left to right: number, advance, offsets in font units, what it writes."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if level % 2 else "ltr"
        hb.shape(self.font, buffer)
        infos, places = buffer.glyph_infos, buffer.glyph_positions
        if infos is None or places is None:
            return []
        ends = dict(pairwise([*sorted({info.cluster for info in infos}), len(text)]))
        told: set[int] = set()
        found = []
        for info, place in zip(infos, places, strict=True):
            written = "" if info.cluster in told else text[info.cluster : ends[info.cluster]]
            told.add(info.cluster)
            found.append((info.codepoint, place.x_advance, place.x_offset, place.y_offset, written))
        return found


@cache
def _read(name: str) -> bytes:
    return (FONTS / name).read_bytes()


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yield where words begin and end, the spaces behind each among it."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or (text[at - 1] == " " and text[at] != " "):
            yield start, at
            start = at
