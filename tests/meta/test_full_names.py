"""A full name is split as people here are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.full_names import split_name


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Mona", "Mona", []),
        ("Mona Sayed", "Mona", ["Sayed"]),
        ("Mona El Sayed", "Mona", ["El Sayed", "Sayed"]),
        ("عبد الرحمن محمد علي", "عبد الرحمن", ["محمد علي", "علي"]),
        ("Abdel Rahman Ali", "Abdel Rahman", ["Ali"]),
        ("أبو بكر حسن", "أبو بكر", ["حسن"]),
        ("نور الدين محمود", "نور الدين", ["محمود"]),
        ("Alaa Eldin Hosny", "Alaa Eldin", ["Hosny"]),
        ("Dr. Mona El Sayed", "Mona", ["El Sayed", "Sayed"]),
        ("Eng Ahmed Ali", "Ahmed", ["Ali"]),
        ("م/ أحمد علي", "أحمد", ["علي"]),
        ("م/أحمد", "أحمد", []),
        ("أ.د/ سامي حسن", "سامي", ["حسن"]),
        ("الدكتورة هدى شعراوي", "هدى", ["شعراوي"]),
        ("الأستاذ محمود السيد", "محمود", ["السيد"]),
        ("سيد درويش", "سيد", ["درويش"]),  # a name, not a title
        ("Drew Barry", "Drew", ["Barry"]),  # begins like one
        ("Mr", "Mr", []),
        ("\u200fMona  Sayed ", "Mona", ["Sayed"]),
    ],
)
def test_titles_go_and_double_first_names_stay_together(name: str, first: str, last: list[str]) -> None:
    assert split_name(name) == {"fn": [first]} | ({"ln": last} if last else {})


@pytest.mark.parametrize("nothing", ["", "  ", "\u200f"])
def test_nothing_is_no_name(nothing: str) -> None:
    assert split_name(nothing) == {}


@given(st.text(max_size=40))
def test_any_text_gives_a_name_or_none(text: str) -> None:
    found = split_name(text)
    assert all(one for values in found.values() for one in values)
    assert "fn" in found or found == {}
