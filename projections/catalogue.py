"""Every read model there is, by name."""

from typing import Any

from projections.conversions import CONVERSIONS
from projections.deliveries import DELIVERIES
from projections.people import PEOPLE
from projections.projection import Projection
from projections.tour_sessions import TOUR_SESSIONS

PROJECTIONS: tuple[Projection[Any], ...] = (TOUR_SESSIONS, PEOPLE, CONVERSIONS, DELIVERIES)
BY_NAME: dict[str, Projection[Any]] = {projection.name: projection for projection in PROJECTIONS}
