"""What goes back over the wire: JSON, Graph errors, and connections that die without an answer."""

import asyncio
import secrets
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.simulator.refusals import Refusal, envelope

# The server's own `receive` and `send`, kept in the scope because middleware wraps what a response gets.
WIRE = "simulator.wire"

HALF_AN_ANSWER = b'{"events_received":'
WEB_PAGE = b"<!DOCTYPE html><html><body><h1>Sorry, something went wrong.</h1></body></html>"


def new_trace_id() -> str:
    """Return an id for one request, as `fbtrace_id` and as the ledger's `request_id`."""
    return "A" + secrets.token_urlsafe(16)


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def error_answer(refusal: Refusal, trace_id: str, headers: dict[str, str] | None = None) -> Response:
    """Return a Graph error."""
    return json_answer(envelope(refusal, trace_id), refusal.status, headers)


async def hold_back(scope: Scope, delay_s: float) -> None:
    """Wait before an answer, in seconds, or until the caller has hung up."""
    wire_receive, _ = scope[WIRE]
    try:
        async with asyncio.timeout(delay_s):
            while (await wire_receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


class CutConnection(Response):
    """No answer at all: the TCP connection is closed under the caller."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Abort the server's transport and wait until it has noticed."""
        wire_receive, wire_send = scope[WIRE]
        # Both of uvicorn's HTTP implementations pass a bound method of the object that holds the transport.
        transport = getattr(getattr(wire_send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("connection cut by the simulator")
        transport.abort()
        while (await wire_receive())["type"] != "http.disconnect":
            pass
