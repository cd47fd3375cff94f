"""A strict stand-in for Meta over HTTP, conversions and messages both, for tests and demonstrations only."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.simulator.answers import WIRE, hold_back
from adapters.simulator.audiences import Verb
from adapters.simulator.call import Call, read_call
from adapters.simulator.control import control_router
from adapters.simulator.messages.control import message_control_router
from adapters.simulator.messages.platform import Messaging
from adapters.simulator.messages.routes import account_node, add_message_routes, media_node
from adapters.simulator.messages.shelf import shelve, unshelve
from adapters.simulator.model import model_router
from adapters.simulator.peer import Peer, Settings


class _SimulatorApp(FastAPI):
    """FastAPI that keeps the server's own channel in the scope, so that an answer can cut the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[WIRE] = (receive, send)
        await super().__call__(scope, receive, send)


def create_app(
    *, ledger_path: Path | None = None, strict: bool = True, clock: Callable[[], float] = time.time,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:  # fmt: skip
    """Return the stand-in as an ASGI application.

    With a `ledger_path`, what was received is appended there as JSON lines and read back on start; accounts, customers
    and templates of the messaging side are kept in a file beside it when the stand-in stops.
    `strict` refuses what Meta documents as required though its live API let it pass; without it, such events
    are taken with a warning. `clock` returns unix seconds. Webhooks go through `webhook_transport`, over the
    network without one.
    """
    peer = Peer(ledger_path=ledger_path, settings=Settings(strict=strict), clock=clock)
    messaging = Messaging(peer.faults, clock, webhook_transport)
    peer.on_reset = messaging.reset
    shelf = ledger_path.with_suffix(".messaging.json") if ledger_path else None
    if shelf:
        unshelve(messaging, shelf)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await messaging.sender.close()
        if shelf:
            shelve(messaging, shelf)
        peer.ledger.close()

    app = _SimulatorApp(lifespan=lifespan, openapi_url=None)
    app.include_router(message_control_router(messaging))
    app.include_router(control_router(peer))
    app.include_router(model_router())  # before Graph's paths, which take any beginning
    add_message_routes(app, messaging)
    _add_graph_routes(app, peer, messaging)
    return app


def _add_graph_routes(app: FastAPI, peer: Peer, messaging: Messaging) -> None:
    @app.post("/{version}/{dataset_id}/events")
    async def receive_events(version: str, dataset_id: str, request: Request) -> Response:
        delay_s = peer.faults.of(dataset_id).draw_delay_s()
        answer = peer.receive(version, dataset_id, await _call_of(request))
        if delay_s:
            await hold_back(request.scope, delay_s)  # the work is done; who gives up now cannot know
        return answer

    @app.get("/{version}/debug_token")
    async def debug_token(version: str, request: Request) -> Response:
        return peer.debug_token(version, await _call_of(request))

    @app.get("/{version}/dataset_quality")
    async def quality(version: str, request: Request) -> Response:
        return peer.quality(version, await _call_of(request))

    @app.api_route("/{version}/{asset_id}/dataset", methods=["GET", "POST"])
    async def asset_dataset(version: str, asset_id: str, request: Request) -> Response:
        return peer.asset_dataset(version, asset_id, await _call_of(request), create=request.method == "POST")

    @app.post("/{version}/{account}/customaudiences")
    async def create_audience(version: str, account: str, request: Request) -> Response:
        return peer.create_audience(version, account, await _call_of(request))

    @app.api_route("/{version}/{audience_id}/users", methods=["POST", "DELETE"])
    async def audience_users(version: str, audience_id: str, request: Request) -> Response:
        verb: Verb = "add" if request.method == "POST" else "remove"
        return peer.change_audience(version, audience_id, verb, await _call_of(request))

    @app.post("/{version}/{audience_id}/usersreplace")
    async def replace_audience(version: str, audience_id: str, request: Request) -> Response:
        return peer.change_audience(version, audience_id, "replace", await _call_of(request))

    @app.get("/{version}/{node_id}")
    async def describe(version: str, node_id: str, request: Request) -> Response:
        call = await _call_of(request)
        file = await media_node(messaging, version, node_id, call, request)
        return file or account_node(messaging, version, node_id, call) or peer.describe(version, node_id, call)

    @app.delete("/{version}/{media_id}")
    async def drop_media(version: str, media_id: str, request: Request) -> Response:
        call = await _call_of(request)
        gone = await media_node(messaging, version, media_id, call, request)
        return gone or peer.refuse_path(f"{version}/{media_id}")

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def anything_else(path: str) -> Response:
        return peer.refuse_path(path)


async def _call_of(request: Request) -> Call:
    return read_call(request.headers, request.query_params, await request.body())


def serve(host: str = "127.0.0.1", port: int = 8090, *, ledger_path: Path | None = None, strict: bool = True) -> None:
    """Run the stand-in until it is stopped; prints nothing but the server's warnings."""
    app = create_app(ledger_path=ledger_path, strict=strict)
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
