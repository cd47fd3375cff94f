"""Times as the platforms write them; an impossible one is that of arrival."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.webhooks.times import when
from tests.webhooks.reading import AT, NOW, SENT


@pytest.mark.parametrize(
    "written",
    [
        int(AT),
        str(int(AT)),
        int(AT) * 1_000,
        str(int(AT) * 1_000),
        float(AT),
        "2026-11-20T18:00:00+0000",
        "2026-11-20T18:00:00Z",
        "2026-11-20T20:00:00+02:00",
        "2026-11-20T18:00:00",
    ],
)
def test_seconds_milliseconds_and_text_are_all_times(written: Any) -> None:
    assert when(written, NOW) == (SENT, "platform")


@pytest.mark.parametrize(
    "written",
    [
        None, "", "soon", 0, "0", 1, -1, "-1795197600", -1_795_197_600_000, 10**30, "9" * 39, "9" * 5_000, True, [], {},
        "1970-01-01T00:00:00+0000", "٢٠٢٦", float(10**300), "1.2.3",
    ],
)  # fmt: skip
def test_what_is_no_time_or_an_impossible_one_is_that_of_arrival(written: Any) -> None:
    assert when(written, NOW) == (NOW, "arrival")


def test_a_minute_ahead_is_the_platforms_clock_and_more_is_none() -> None:
    ahead = NOW + timedelta(seconds=60)
    assert when(int(ahead.timestamp()), NOW) == (ahead, "platform")
    assert when(int(ahead.timestamp()) + 1, NOW) == (NOW, "arrival")
    assert when((int(ahead.timestamp()) + 86_400) * 1_000, NOW) == (NOW, "arrival")


@given(st.one_of(st.integers(), st.floats(), st.text(max_size=45), st.booleans(), st.none()))
def test_no_time_is_ever_in_the_future_or_before_there_was_a_platform(written: Any) -> None:
    found, clock = when(written, NOW)
    assert datetime(2004, 1, 1, tzinfo=UTC) <= found <= NOW + timedelta(seconds=60)
    assert clock == "platform" or found == NOW
