"""`hash_lines` answers every line with one line, in order, whatever came in."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.hash_lines import hash_lines


def answers(*lines: str, region: str = "EG") -> list[dict[str, str | None]]:
    return [json.loads(line) for line in hash_lines(lines, region)]


def test_a_field_is_answered_with_its_form_and_hash() -> None:
    assert answers('{"field": "ph", "value": "٠١٠٠٧٦٥٤٣٢١"}') == [
        {
            "normalised": "201007654321",
            "sha256": hashlib.sha256(b"201007654321").hexdigest(),
            "dropped": None,
        }
    ]


def test_the_region_is_used() -> None:
    (answer,) = answers('{"field": "ph", "value": "0557654321"}', region="SA")
    assert answer["normalised"] == "966557654321"


def test_arabic_stays_readable() -> None:
    (line,) = hash_lines(['{"field": "fn", "value": "\\u0647\\u0627\\u0646\\u064a"}'])
    assert "هاني" in line


def test_broken_lines_are_answered_in_their_place() -> None:
    good = '{"field": "fn", "value": "Nadia"}\n'
    lines = ["", "{", "[1]", '"x"', '{"value": "x"}', '{"field": 7, "value": "x"}', '{"field": "em"}']
    lines += [
        '{"field": "em", "value": null}',
        '{"field": "em", "value": "\\ud800"}',
        "[" * 100_000,
        "\udcff",
    ]
    lines += ["9" * 10_000, '{"field": "em", "value": "a@b.com\\u0000"}']
    reasons = [answer["dropped"] for answer in answers(good, *lines, good)]
    assert reasons == [
        None,
        "an empty line",
        "not JSON",
        "not a JSON object",
        "not a JSON object",
        "no field named",
        "no field named",
        "no value given",
        "not text",
        "not valid Unicode",
        "not JSON",
        "not JSON",
        "not JSON",
        "contains a NUL character",
        None,
    ]


@given(st.lists(st.one_of(st.text(), st.text().map(lambda raw: json.dumps({"field": "external_id", "value": raw})))))
def test_every_line_gets_exactly_one(lines: list[str]) -> None:
    out = list(hash_lines(lines))
    assert len(out) == len(lines)
    for line in out:
        assert line.splitlines() == [line]
        assert set(json.loads(line)) == {"normalised", "sha256", "dropped"}
