"""Structured logs: one line per thing, with the ids that lead from request to delivery."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor

LONGEST = 2_000
"""Characters of one value in a log line."""


class Stderr:
    """Standard error as it is at the time of writing. A line that cannot be written must not stop the work it tells of:
    whoever reads our output may have gone.
    """

    def write(self, text: str) -> int:
        """Write, or drop the text where there is nobody to take it; return its length."""
        with suppress(ValueError, OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        with suppress(ValueError, OSError):
            sys.stderr.flush()


def set_up_logs(process: str, level: str, form: str) -> None:
    """Send all logs to standard error, as JSON lines or as text for people."""
    out = cast(TextIO, Stderr())
    render: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
        if form == "json"
        else [
            # a plain trace: the pretty ones print local variables, and with them keys and people
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _of(process),
            _short,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=out, format="%(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "httpcore", "alembic", "dramatiq"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _of(process: str) -> Processor:
    def add(_logger: Any, _name: str, entry: EventDict) -> EventDict:
        entry["process"] = process
        return entry

    return add


def _short(_logger: Any, _name: str, entry: EventDict) -> EventDict:
    for name, value in entry.items():
        if isinstance(value, str) and len(value) > LONGEST:
            entry[name] = value[:LONGEST] + "…"
    return entry
