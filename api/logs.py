"""Structured logs: one line per thing, with the ids that lead from request to delivery."""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

LONGEST = 2_000
"""Characters of one value in a log line."""


def set_up_logs(process: str, level: str, form: str) -> None:
    """Send all logs to standard error, as JSON lines or as text for people."""
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
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
