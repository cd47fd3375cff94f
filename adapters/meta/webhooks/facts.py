"""One item of a webhook into one fact of ours, whichever channel it came by."""

from datetime import datetime

from pydantic import ValidationError

from adapters.meta.webhooks.pages import fact_of_page
from adapters.meta.webhooks.pieces import Named, Piece, Problem, Reading, RefOf
from adapters.meta.webhooks.whatsapp import fact_of_whatsapp
from domain.messaging.events import Provider


def fact_of(piece: Piece, ref: RefOf, now: datetime, provider: Provider = "meta") -> Named | Problem:
    """Return the named fact of an item, or why there is none; never raises.

    `ref` returns the ref of a message by its producer's name, as `message_name` makes it; `now` is the time of arrival.
    """
    if piece.account is None and piece.business_id is None:
        return Problem(piece.path, "names no account")
    read = fact_of_whatsapp if piece.channel == "whatsapp" else fact_of_page
    try:
        return read(piece, Reading(ref, now, provider))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return Problem(piece.path, f"{'.'.join(str(one) for one in first['loc'])}: {first['msg']}"[:300])
