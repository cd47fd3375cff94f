"""What a channel takes is checked in its own units before anything is recorded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.outgoing import BadDraft, Draft
from application.outgoing_limits import LIMITS, check, parts_of, size, split
from domain.messaging.content import Content
from domain.shared.fact import Channel
from tests.sending.stage import buttons

ROW = {"id": "r", "title": "t"}


def wrong(channel: Channel, **draft: Any) -> list[str]:
    """Return the fields that are refused, with why."""
    content = draft.pop("content", None)
    made = Content.model_validate(content) if isinstance(content, dict) else content
    try:
        check(channel, Draft(author="agent", content=made, **draft))
    except BadDraft as refused:
        return [f"{one.field} {one.message}" for one in refused.problems]
    return []


def rows(*counts: int, **more: Any) -> dict[str, Any]:
    """Sections with so many rows each."""
    sections = [
        {"title": f"s{nth}", "rows": [{"id": f"{nth}.{row}", "title": "t"} for row in range(count)]}
        for nth, count in enumerate(counts)
    ]
    return {"list_button": "choose", "sections": sections, **more}


@pytest.mark.parametrize(("channel", "draft", "says"), [
    ("whatsapp",  {"message_type": "buttons", "text": "?", "content": buttons(*"abc")}, []),
    ("whatsapp",  {"message_type": "buttons", "text": "?", "content": buttons(*"abcd")},
     ["buttons has 4, whatsapp takes 3"]),
    ("whatsapp",  {"message_type": "buttons", "text": "?", "content": buttons("x" * 20)}, []),
    ("whatsapp",  {"message_type": "buttons", "text": "?", "content": buttons("x" * 21)},
     ["buttons.0.title has 21 characters, whatsapp takes 20"]),
    ("whatsapp",  {"message_type": "buttons", "text": "x" * 1025, "content": buttons("a")},
     ["text has 1025 characters, whatsapp takes 1024"]),
    ("whatsapp",  {"message_type": "buttons", "text": "?",
                   "content": {"buttons": [{"id": "a", "title": "A"}, {"id": "a", "title": "B"}]}},
     ["buttons.1.id is used twice"]),
    ("whatsapp",  {"message_type": "buttons", "text": "?",
                   "content": {"buttons": [{"id": "i" * 257, "title": "A"}]}},
     ["buttons.0.id has 257 characters, whatsapp takes 256"]),
    ("whatsapp",  {"message_type": "buttons", "text": "?",
                   "content": {"buttons": [ROW], "header": "h" * 61, "footer": "f" * 61}},
     ["header has 61 characters, whatsapp takes 60", "footer has 61 characters, whatsapp takes 60"]),
    ("whatsapp",  {"message_type": "list", "text": "?", "content": rows(5, 5)}, []),
    ("whatsapp",  {"message_type": "list", "text": "?", "content": rows(5, 6)},
     ["sections has 11 rows in all, whatsapp takes 10"]),
    ("whatsapp",  {"message_type": "list", "text": "?", "content": {"list_button": "c", "sections": [
                   {"rows": [{"id": "i" * 201, "title": "t" * 25, "description": "d" * 73}]}]}},
     ["sections.0.rows.0.description has 73 characters, whatsapp takes 72",
      "sections.rows.0.title has 25 characters, whatsapp takes 24",
      "sections.rows.0.id has 201 characters, whatsapp takes 200"]),
    ("whatsapp",  {"message_type": "image", "text": "x" * 1025, "content": {"media": {"id": "1"}}},
     ["text has 1025 characters, whatsapp takes 1024"]),
    ("whatsapp",  {"message_type": "image", "content": {"media": {"url": "http://a.example/x.jpg"}}},
     ["media.url must begin with https://"]),
    ("whatsapp",  {"message_type": "audio", "text": "listen", "content": {"media": {"id": "1"}}},
     ["text cannot go with audio on whatsapp: send it by itself"]),
    ("whatsapp",  {"message_type": "template", "template": "hello"}, ["language is missing"]),
    ("whatsapp",  {"message_type": "reaction", "content": {"emoji": "👍"}}, ["reply_to is missing"]),
    ("whatsapp",  {"message_type": "text", "text": "  "}, ["text is missing"]),
    ("messenger", {"message_type": "quick_replies", "text": "?", "content": buttons(*"abcdefghijklm")}, []),
    ("messenger", {"message_type": "quick_replies", "text": "?", "content": buttons(*"abcdefghijklmn")},
     ["buttons has 14, messenger takes 13"]),
    ("instagram", {"message_type": "quick_replies", "text": "ش" * 501, "content": buttons("a")},
     ["text has 1002 bytes, instagram takes 1000"]),
])  # fmt: skip
def test_a_limit_of_the_platform(channel: Channel, draft: dict[str, Any], says: list[str]) -> None:
    assert wrong(channel, **draft) == says


def test_a_kind_that_a_channel_does_not_have_is_refused() -> None:
    (said,) = wrong("messenger", message_type="location", content={"location": {"latitude": 30, "longitude": 31}})
    assert said.startswith("type messenger takes ")


def test_five_hundred_arabic_letters_fit_instagram_and_one_more_does_not() -> None:
    assert len(parts_of("instagram", Draft("agent", "ش" * 500))) == 1
    assert len(parts_of("instagram", Draft("agent", "ش" * 501))) == 2


def test_a_text_is_parted_behind_arabic_and_latin_sentences() -> None:
    limit = LIMITS["whatsapp"]["button_title"]  # 20 characters
    assert split("كم السعر؟ فين المكان؟ It is 1.5 million. Yes!", limit) == [
        "كم السعر؟", "فين المكان؟", "It is 1.5 million.", "Yes!",
    ]  # fmt: skip


def test_a_letter_keeps_its_marks() -> None:
    limit = LIMITS["whatsapp"]["button_title"]
    family = "👨‍👩‍👧"  # three people joined: five code points that are one letter
    parts = split(family * 10, limit)
    assert all(set(part.split("👨")[1:]) == {"‍👩‍👧"} for part in parts)


@given(st.text(max_size=400), st.sampled_from([("whatsapp", "button_title"), ("instagram", "text")]))
def test_no_part_is_too_long_and_nothing_but_spaces_is_lost(text: str, which: tuple[Channel, str]) -> None:
    limit = LIMITS[which[0]][which[1]]
    parts = split(text, limit)
    assert all(size(part, limit.unit) <= limit.most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_book_is_no_message() -> None:
    with pytest.raises(BadDraft, match="would become 11 messages; at most 10"):
        parts_of("instagram", Draft("agent", "x" * 10_001))
