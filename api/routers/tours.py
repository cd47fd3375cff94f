"""Virtual tours, summed up."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import tours as queries
from api.reading import Word, answer, caller, services

router = APIRouter(tags=["tours"])


@router.get("/api/tours/analytics")
async def get_analytics(
    request: Request, property_id: Word | None = None, since: datetime | None = None, until: datetime | None = None
) -> Response:
    """Sum up tour sessions: how many, how long, how good, by kind, property, milestone and day."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        return answer(await queries.analytics(connection, property_id=property_id, since=since, until=until))
