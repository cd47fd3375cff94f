"""Routes whose endpoint reads the request itself: in the OpenAPI document like others, without FastAPI's parsing."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class Direct(APIRoute):
    """Calls `endpoint(request, **path parameters)`; bodies are judged item by item, so nothing is parsed before."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint as the whole handler."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return handle
