"""The browser tracker."""

from fastapi import APIRouter, Request, Response

from api.web.tracker import tracker

router = APIRouter(tags=["ingest"])
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600, stale-while-revalidate=86400"


@router.head("/masar.js", include_in_schema=False)
@router.get(
    "/masar.js",
    response_class=Response,
    responses={200: {"content": {"text/javascript": {}}}, 304: {"description": "As you have it."}},
)
async def get_tracker(request: Request, v: str | None = None) -> Response:
    """Return the browser tracker; with the version it has (`?v=1`) to be kept for a year, else for an hour."""
    own = tracker()
    headers = {
        "ETag": own.tag,
        "Cache-Control": FOR_EVER if v == own.version else FOR_AN_HOUR,
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    known = request.headers.get("if-none-match", "")
    if own.tag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    return Response(own.script, headers=headers, media_type="text/javascript")
