"""Reads webhooks of Meta's shape for the door: bodies to parts, parts to named facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import structlog

from adapters.meta.webhooks.body import read_body
from adapters.meta.webhooks.facts import fact_of
from adapters.meta.webhooks.pieces import Piece, Problem
from adapters.meta.webhooks.split import split
from application.ports.webhooks import Part, Reading, RefOf
from domain.messaging.events import Provider

log = structlog.get_logger("masar.webhooks")


class MetaReader:
    """The Reader of WhatsApp, Messenger and Instagram; 360dialog has the shape of WhatsApp."""

    def body(self, raw: bytes) -> dict[str, Any]:
        """Return the JSON object of a body. Raises BadBody, a ValueError."""
        return read_body(raw)

    def parts(self, body: Mapping[str, Any]) -> list[Part]:
        """Return the items of a body, in order."""
        return [_part(one) for one in split(body)]

    def read(self, part: Part, ref: RefOf, now: datetime, provider: Provider) -> Reading | str:
        """Return what an item tells, or why it cannot be read. A defect of ours costs this item only."""
        piece: Piece = part.piece
        if piece.account != part.account:
            piece = piece._replace(account=part.account)
        try:
            found = fact_of(piece, ref, now, provider)
        except Exception:
            log.exception("item_broke", path=part.path)
            return "could not be read"
        if isinstance(found, Problem):
            return found.why
        return Reading(found.name, found.fact, _content(piece.value))


def _part(found: Piece | Problem) -> Part:
    if isinstance(found, Problem):
        return Part(found.path, problem=found.why)
    return Part(found.path, found.channel, found.account, found.business_id, piece=found)


def _content(value: Mapping[str, Any]) -> bytes:
    """Return the content of an item, the same for the same fields in another order."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested deeper than it writes
        return repr(value).encode("utf-8", "replace")
