"""Every read model there is, by name."""

from typing import Any

from projections.conversation_sessions import CONVERSATION_SESSIONS
from projections.conversions import CONVERSIONS
from projections.deliveries import DELIVERIES
from projections.messages import MESSAGES
from projections.people import PEOPLE
from projections.projection import Projection
from projections.rentals import RENTAL_BOOKINGS, RENTAL_CUSTOMERS
from projections.templates import TEMPLATES
from projections.threads import THREADS
from projections.tour_sessions import TOUR_SESSIONS
from projections.viewings import VIEWINGS

PROJECTIONS: tuple[Projection[Any], ...] = (
    TOUR_SESSIONS,
    CONVERSATION_SESSIONS,
    PEOPLE,
    CONVERSIONS,
    DELIVERIES,
    VIEWINGS,
    RENTAL_BOOKINGS,
    RENTAL_CUSTOMERS,
    THREADS,
    MESSAGES,
    TEMPLATES,
)
BY_NAME: dict[str, Projection[Any]] = {projection.name: projection for projection in PROJECTIONS}
