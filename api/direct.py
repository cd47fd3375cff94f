"""Routes whose endpoint reads the request itself: in the OpenAPI document like others, without FastAPI's parsing."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import no_such_method


class Direct(APIRoute):
    """Calls `endpoint(request, **path parameters)`; bodies are judged item by item, so nothing is parsed before."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint as the whole handler."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return handle


class Straight:
    """A layer that answers direct routes of a fixed path by itself, past the layers that they have no use for.

    Finding a route and the two stacks of things to clean up cost a touchpoint or a webhook a seventh of its time.
    Everything else goes the long way, but for methods that a fixed path does not take.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._direct: dict[tuple[str, str], Direct] = {}
        self._words: dict[str, set[str]] = {}  # what each fixed path takes: its words are no ids for other methods
        for route in _each(routes):
            if route.param_convertors:
                continue
            self._words.setdefault(route.path, set()).update(route.methods or ())
            if isinstance(route, Direct):
                for method in route.methods or ():
                    self._direct.setdefault((method, route.path), route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        route = self._direct.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            taken = self._words.get(scope["path"]) if scope["type"] == "http" else None
            if taken is None or scope["method"] in taken:
                await self._app(scope, receive, send)
            else:
                await no_such_method(Request(scope), taken)(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, {}
        request = Request(scope, receive, send)
        try:
            response = await route.endpoint(request)
        except Exception as error:
            response = await _told(request, error)
        await response(scope, receive, send)


def _each(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Yield every route, those of routers within too."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        elif (within := getattr(route, "original_router", None)) is not None:
            yield from _each(within.routes)


async def _told(request: Request, error: Exception) -> Response:
    """Return the answer to what an endpoint raised; a defect goes on, to be answered where all are."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind is not Exception and (handler := handlers.get(kind)) is not None:
            response: Response = await handler(request, error)
            return response
    raise error
