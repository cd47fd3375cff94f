"""Arabic and Latin set on one line: joined letters, the order they are read in, lines that fit; the document around."""

import re
import zlib
from datetime import UTC, datetime

import pytest

from adapters.pdf.bidi import base_level, levels, runs, without_marks
from adapters.pdf.document import REGULAR, Document
from adapters.pdf.type_setting import SetLine, Typeface


def seen(text: str) -> str:
    """Return the characters of one line as they stand from left to right."""
    base = base_level(text)
    own = levels(text, base)
    parts = runs(own, base, [one == " " for one in text])
    return "".join(text[first:last][::-1] if level % 2 else text[first:last] for first, last, level in parts)


# fmt: off
LINES = (  # as typed, as it stands from left to right (worked out by hand from the rules of UAX 9)
    ("abc",                    "abc"),
    ("אבג",                    "גבא"),
    ("abc אבג def",            "abc גבא def"),
    ("אבג abc דהו",            "והד abc גבא"),
    ("אבג 123 דהו",            "והד 123 גבא"),
    ("אבג 5,000,000",          "5,000,000 גבא"),
    ("سعر 15/3",               "15/3 رعس"),
    ("شقة ٣ غرف",              "فرغ ٣ ةقش"),
    ("שלום!",                  "!םולש"),
    ("hi שלום!",               "hi םולש!"),
    ("(אב)",                   ")בא("),
    ("10% אב",                 "בא 10%"),
)
# fmt: on


@pytest.mark.parametrize(("typed", "standing"), LINES)
def test_it_stands_in_the_order_that_is_read(typed: str, standing: str) -> None:
    assert seen(typed) == standing


def test_marks_of_direction_do_nothing() -> None:
    assert without_marks("a‮b⁧c⁩‬") == "abc"


def line(text: str, width: float = 1000) -> SetLine:
    (only,) = Typeface.load(REGULAR).lines(text, 10, width)
    return only


def test_arabic_letters_take_the_forms_of_their_place() -> None:
    """One letter alone, at the beginning, in the middle and at the end: four glyphs."""
    alone = line("ب").glyphs[0].number
    end, middle, beginning = (one.number for one in line("ببب").glyphs)
    assert len({alone, beginning, middle, end}) == 4
    assert [one.text for one in line("لا").glyphs] == ["لا"]  # a ligature


def test_arabic_begins_at_the_right_and_writes_what_was_typed() -> None:
    arabic, latin = line("مساء الخير"), line("good evening")
    assert (arabic.from_right, latin.from_right) == (True, False)
    assert "".join(one.text for one in reversed(arabic.glyphs)) == "مساء الخير"
    assert [one.x for one in arabic.glyphs] == sorted(one.x for one in arabic.glyphs)


def test_what_the_font_lacks_is_named() -> None:
    assert line("ok 🏠").text == "ok [house building]"


@pytest.mark.parametrize("text", ["كلام طويل جداً " * 30, "x" * 400, "word " * 100 + "وعربي " * 40])
def test_lines_fit_and_lose_nothing(text: str) -> None:
    lines = list(Typeface.load(REGULAR).lines(text, 10, 200))
    assert len(lines) > 5
    assert all(one.width <= 200.5 for one in lines)
    assert "".join(one.text for one in lines).replace(" ", "") == text.replace(" ", "")


def test_a_document_has_pages_fonts_and_its_words_as_text() -> None:
    document = Document("محادثة", datetime(2026, 1, 5, tzinfo=UTC))
    for number in range(120):
        document.paragraph(f"سطر {number}")
    content = document.to_bytes()
    places = [int(one) for one in re.findall(rb"^(\d{10}) 00000 n", content, re.M)]
    assert all(re.match(rb"%d 0 obj" % number, content[place:]) for number, place in enumerate(places, 1))
    assert content.count(b"/Type /Page ") == 3
    streams = [
        zlib.decompress(one) for one in re.findall(rb"FlateDecode [^>]*>>\nstream\n(.*?)\nendstream", content, re.S)
    ]
    told = "سطر 119".encode("utf-16-be").hex().upper().encode()
    assert any(told in one for one in streams)


def test_an_empty_document_is_one_too() -> None:
    assert b"/Count 1" in Document("", datetime(2026, 1, 5, tzinfo=UTC)).to_bytes()
