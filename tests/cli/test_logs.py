"""Logs must never stop the work that they tell of."""

import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from api.logs import set_up_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_goes_to_standard_error_as_it_is_now(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logs("worker", "info", form)
    log = structlog.get_logger("test")
    log.info("before")
    now = io.StringIO()
    monkeypatch.setattr(sys, "stderr", now)
    log.info("after")
    assert "after" in now.getvalue()
    assert "before" not in now.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_that_nobody_takes_stops_nothing(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logs("worker", "info", form)
    log = structlog.get_logger("test")
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    log.info("a line")
