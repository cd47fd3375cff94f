"""Turns every refusal into a problem response (RFC 9457); nothing else in the product knows HTTP."""

from collections.abc import Sequence
from typing import Any

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from application.ports.touchpoints import Busy, Problem

log = structlog.get_logger("masar.api")

MOST_PROBLEMS, LONGEST_FIELD = 20, 200
"""What an answer says of a request that is wrong all over."""


class Refusal(Exception):
    """A request that cannot be served as it is: status, a title, and the fields at fault."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        errors: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail = status, title, detail
        self.errors, self.headers = tuple(errors), headers or {}
        self.more = more or {}  # members of its own, such as what could be had instead


def problem(request: Request, refusal: Refusal) -> Response:
    """Return the problem document of a refusal."""
    document: dict[str, Any] = {
        "type": f"urn:masar:problem:{refusal.title.lower().replace(' ', '-')}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail or refusal.title,
        "errors": shown(refusal.errors),
        "request_id": str(request.scope.get("request_id", "")),
        **refusal.more,
    }
    return Response(orjson.dumps(document), refusal.status, refusal.headers, "application/problem+json")


def shown(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Return problems as an answer says them: a field's name is the caller's, and may be anything."""
    return [
        {"field": one.field[:LONGEST_FIELD].encode("utf-8", "replace").decode(), "message": one.message}
        for one in problems[:MOST_PROBLEMS]
    ]


def install(app: FastAPI) -> None:
    """Teach the application its problem responses."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return problem(request, error)

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        return problem(request, unavailable(str(error)))

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(psycopg.OperationalError)
    async def away(request: Request, error: Exception) -> Response:
        log.warning("database_away", error=type(error).__name__)
        return problem(request, unavailable("the database is not reachable"))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [Problem(".".join(str(part) for part in one["loc"][1:]), one["msg"]) for one in error.errors()]
        return problem(request, Refusal(422, "Invalid request", errors=problems))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return problem(request, Refusal(error.status_code, str(error.detail), headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        log.error("defect", exc_info=error, path=request.url.path)
        return problem(request, Refusal(500, "Internal error", "it is ours, and it was logged under this request_id"))


def unavailable(detail: str) -> Refusal:
    """Return the refusal for now: nothing was promised, come again."""
    return Refusal(503, "Unavailable", detail, headers={"Retry-After": "1"})
