"""Bytes that come as a webhook's body: a JSON object, or refused with a reason, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.webhooks.body import BadBody, read_body


def test_a_body_is_read_as_it_stands() -> None:
    raw = b'{"object":"page","text":"\\u0634\\u0642\\u0629 \\ud83c\\udfe0","n":1.5,"url":"https:\\/\\/a"}'
    assert read_body(raw) == {"object": "page", "text": "شقة 🏠", "n": 1.5, "url": "https://a"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"t":"a\\u0000b"}', "a\ufffdb"),
        (b'{"t":"a\x00b"}', "a\ufffdb"),
        (b'{"t":"a\\ud83cb"}', "a\ufffdb"),
        (b'{"t":"a\\uDFE0b"}', "a\ufffdb"),
        (b'{"t":"\\udfe0\\ud83c"}', "\ufffd\ufffd"),
        (b'{"t":"\\ud83c\\ud83c\\udfe0"}', "\ufffd🏠"),
        (b'{"t":"\\\\u0000 \\\\ud83c"}', "\\u0000 \\ud83c"),
        (b'{"t":"\\\\\\u0000"}', "\\\ufffd"),
        (b'{"t":"\\u0000\\n\\"\\ud83c\\udfe0"}', '\ufffd\n"🏠'),
        (b'{"t":"a\xffb"}', "a\ufffdb"),
        (b'\xef\xbb\xbf{"t":"a"}', "a"),
    ],
)
def test_what_cannot_be_stored_is_replaced_and_nothing_else_is_lost(raw: bytes, text: str) -> None:
    assert read_body(raw) == {"t": text}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"hub.mode=subscribe",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1,}',
        b'{"a":"\n"}',
    ],
)
def test_what_is_no_json_object_is_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(BadBody, match=r"."):
        read_body(raw)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda one: f'{{"t":"{one}"}}'.encode())))
def test_no_bytes_break_it(raw: bytes) -> None:
    with suppress(BadBody):
        assert isinstance(read_body(raw), dict)
