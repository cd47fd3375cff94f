"""Turns every refusal into a problem response (RFC 9457); nothing else in the product knows HTTP."""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

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
    identity = str(request.scope.get("request_id", ""))
    whole = document(refusal.status, refusal.title, refusal.detail, identity, refusal.errors) | refusal.more
    return Response(orjson.dumps(whole), refusal.status, refusal.headers, "application/problem+json")


def document(status: int, title: str, detail: str, request_id: str, errors: Sequence[Problem] = ()) -> dict[str, Any]:
    """Return the members that every problem document has."""
    return {
        "type": f"urn:masar:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "errors": shown(errors),
        "request_id": request_id,
    }


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
        if error.status_code == 405:
            return no_such_method(request, _taken(request))
        return problem(request, Refusal(error.status_code, str(error.detail), headers=dict(error.headers or {})))


def defect(request: Request, error: Exception) -> Response:
    """Return the answer to a mistake of ours, which is logged."""
    log.error("defect", exc_info=error, path=request.scope["path"])
    return problem(request, Refusal(500, "Internal error", "it is ours, and it was logged under this request_id"))


METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def no_such_method(request: Request, taken: Collection[str]) -> Response:
    """Return what a path takes: to OPTIONS as its answer, to any other method with the refusal."""
    allow = ", ".join(sorted({*taken, "OPTIONS", *(["HEAD"] if "GET" in taken else [])}))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    return problem(request, Refusal(405, "Method not allowed", f"this path takes {allow}", headers={"Allow": allow}))


def _taken(request: Request) -> list[str]:
    routes = request.app.router.routes
    return [m for m in METHODS if any(r.matches({**request.scope, "method": m})[0] is Match.FULL for r in routes)]


def unavailable(detail: str) -> Refusal:
    """Return the refusal for now: nothing was promised, come again."""
    return Refusal(503, "Unavailable", detail, headers={"Retry-After": "1"})
