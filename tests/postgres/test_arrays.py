"""Columns of a batch come out of Postgres as they went in."""

import struct
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.postgres.arrays import Array, Blobs, Flags, Ids, Integers, Longs, Texts, Times

# fmt: off
TOLD: dict[type[Array], st.SearchStrategy[Any]] = {
    Ids:      st.uuids(),
    Texts:    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    Blobs:    st.binary(),
    Times:    st.datetimes(timezones=st.just(UTC)),
    Integers: st.integers(-2**31, 2**31 - 1),
    Longs:    st.integers(-2**63, 2**63 - 1),
    Flags:    st.booleans(),
}
# fmt: on


@pytest.mark.parametrize("kind", TOLD)
def test_a_column_comes_back_as_it_was(shared_url: str, kind: type[Array]) -> None:
    statement = f"SELECT %b::{kind.element}[]"
    with psycopg.connect(shared_url, autocommit=True) as connection:

        @settings(max_examples=50)
        @given(st.lists(TOLD[kind] | st.none()))
        def law(told: list[Any]) -> None:
            (back,) = connection.execute(statement.encode(), (kind(told),), binary=True).fetchone() or ((),)
            assert list(back) == told

        law()


@pytest.mark.parametrize("told", [[], [None], [None, None]])
@pytest.mark.parametrize("kind", TOLD)
def test_a_column_of_nothing_has_its_type_all_the_same(shared_url: str, kind: type[Array], told: list[None]) -> None:
    with psycopg.connect(shared_url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_typeof(%b)::text, %b", (kind(told), kind(told)), binary=True).fetchone()
    names = {"int4": "integer", "int8": "bigint", "bool": "boolean", "timestamptz": "timestamp with time zone"}
    assert row == (f"{names.get(kind.element, kind.element)}[]", told)


def test_what_no_column_can_hold_is_refused(shared_url: str) -> None:
    with psycopg.connect(shared_url, autocommit=True) as connection:
        for kind, value, error in (
            (Texts, "a\x00b", psycopg.DataError),
            (Texts, "\ud800", UnicodeEncodeError),
            (Times, datetime(2026, 1, 1), TypeError),
            (Integers, 2**31, struct.error),
            (Longs, 2**63, struct.error),
        ):
            with pytest.raises(error):
                connection.execute("SELECT %b", (kind([value]),), binary=True)
        assert connection.execute("SELECT 1").fetchone() == (1,)
