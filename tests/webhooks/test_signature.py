"""A webhook is Meta's when one of its secrets signed exactly these bytes, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.webhooks.signature import challenge_answer, check, is_signed

ESCAPED = b'{"object":"page","entry":[{"text":"\\u0634\\u0642\\u0629","url":"https:\\/\\/example.com"}]}'
PLAIN = '{"object":"page","entry":[{"text":"شقة"}]}'.encode()

VECTORS = (
    (ESCAPED, "secret-of-the-app", "d6454e81944a8b47443aa77be1da9b380db11e92cc4ce635944945c0a3bb2393"),
    (PLAIN, "سر", "b2c6b2cd25560005dc5cc086802166aaf9dc849534faa0434b70984f6a07c38b"),
    (b"", "secret-of-the-app", "b9e8befc1b295155993740a7650567ce513705573562f2ed3d07072fb89ee3b4"),
)


@pytest.mark.parametrize(("raw", "secret", "hexadecimal"), VECTORS)
def test_a_body_that_was_signed_with_the_secret_is_theirs(raw: bytes, secret: str, hexadecimal: str) -> None:
    assert is_signed(raw, f"sha256={hexadecimal}", secret)
    assert is_signed(raw, f"sha256={hexadecimal}".encode(), secret)


def test_the_signature_is_over_the_bytes_not_over_what_they_mean() -> None:
    header = f"sha256={VECTORS[0][2]}"
    assert not is_signed(ESCAPED.replace(b":", b": "), header, VECTORS[0][1])
    assert not is_signed(ESCAPED + b"\n", header, VECTORS[0][1])
    assert not is_signed(ESCAPED.replace(b"\\/", b"/"), header, VECTORS[0][1])


def test_with_several_secrets_it_tells_which_one_signed() -> None:
    raw, secret, hexadecimal = VECTORS[0]
    assert check(raw, f"sha256={hexadecimal}", ("the-new-one", secret, "another")) == 1
    assert check(raw, f"sha256={hexadecimal}", ("the-new-one", "another")) is None
    assert check(raw, f"sha256={hexadecimal}", ()) is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        VECTORS[0][2],
        f"sha1={VECTORS[0][2]}",
        f"SHA256={VECTORS[0][2]}",
        f"sha256={VECTORS[0][2].upper()}",
        f" sha256={VECTORS[0][2]}",
        f"sha256={VECTORS[0][2]}\n",
        f"sha256={VECTORS[0][2][:-1]}",
        f"sha256={VECTORS[0][2]}0",
        "sha256=" + "٠" * 64,
        "sha256=" + "\ud800" * 64,
        b"sha256=\xff\xfe",
        "sha256=" + "0" * 1_000_000,
    ],
)
def test_any_other_header_is_no_signature(header: str | bytes | None) -> None:
    assert check(ESCAPED, header, (VECTORS[0][1],)) is None


def test_an_empty_secret_signs_nothing() -> None:
    empty = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"  # of nothing, under nothing
    assert check(b"", f"sha256={empty}", ("",)) is None


@given(raw=st.binary(max_size=200), header=st.one_of(st.text(), st.binary()), secrets=st.lists(st.text(), max_size=3))
def test_no_header_and_no_body_breaks_it(raw: bytes, header: str | bytes, secrets: list[str]) -> None:
    storable = [one.encode("utf-8", "replace").decode() for one in secrets]
    assert check(raw, header, storable) in (None, 0, 1, 2)


ASKED = {"hub.mode": "subscribe", "hub.verify_token": "token-2", "hub.challenge": "1158201444"}


def test_the_question_is_answered_with_its_challenge() -> None:
    assert challenge_answer(ASKED, ("token-1", "token-2")) == "1158201444"


@pytest.mark.parametrize(
    "other",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.mode": ""},
        {"hub.verify_token": "token-3"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "tokén-2\ud800"},
        {"hub.challenge": "<script>alert(1)</script>"},
        {"hub.challenge": "1\r\nSet-Cookie: a=b"},
        {"hub.challenge": ""},
        {"hub.challenge": "9" * 201},
    ],
)
def test_a_question_that_is_not_in_order_is_refused(other: dict[str, str]) -> None:
    assert challenge_answer({**ASKED, **other}, ("token-1", "token-2")) is None


def test_a_question_without_anything_is_refused_and_so_is_an_empty_token_of_ours() -> None:
    assert challenge_answer({}, ("token-1",)) is None
    assert challenge_answer({**ASKED, "hub.verify_token": ""}, ("",)) is None
