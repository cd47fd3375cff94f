"""Reads rentals: bookings and customers, in lists and one by one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

BOOKING = (
    "b.key AS id, b.position, b.subject_id, coalesce(a.person_id, b.subject_id) AS person_id, b.property_id, b.status, "
    "b.booked_at, b.total_minor, b.net_minor, b.currency, b.nights, b.check_in, b.check_out, b.purpose, b.guests, "
    "b.source, b.paid_minor, b.refunded_minor, b.tourism_permit, b.developer_qr, b.response_rate, b.guest_rating, "
    "b.last_at, b.test, b.state"
)
FROM_BOOKINGS = """
  FROM read_models.rental_bookings b
  LEFT JOIN read_models.rental_customers_aliases a ON a.brokerage_id = b.brokerage_id AND a.subject_id = b.subject_id
"""
BOOKINGS = f"""
SELECT {BOOKING} {FROM_BOOKINGS}
 WHERE (%(status)s::text IS NULL OR b.status = %(status)s)
   AND (%(property_id)s::text IS NULL OR b.property_id = %(property_id)s)
   AND (%(purpose)s::text IS NULL OR b.purpose = %(purpose)s)
   AND (%(subjects)s::uuid[] IS NULL OR b.subject_id = ANY(%(subjects)s))
   AND (%(since)s::timestamptz IS NULL OR b.booked_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR b.booked_at < %(until)s)
   AND (%(after)s::int8 IS NULL OR b.position < %(after)s)
 ORDER BY b.position DESC LIMIT %(limit)s
"""
ONE_BOOKING = f"SELECT {BOOKING} {FROM_BOOKINGS} WHERE b.key = %s"

CUSTOMER = (
    "c.key AS id, c.segment, c.bookings, c.cancelled, c.revenue, c.mean_booking_value, c.searches, c.referrals, "
    "c.hosts, c.last_booked_at, c.last_at, p.predicted_ltv"
)
FROM_CUSTOMERS = """
  FROM read_models.rental_customers c
  LEFT JOIN read_models.people p ON p.brokerage_id = c.brokerage_id AND p.key = c.key
"""
CUSTOMERS = f"""
SELECT {CUSTOMER} {FROM_CUSTOMERS}
 WHERE (%(segment)s::text IS NULL OR c.segment = %(segment)s)
   AND (%(hosts)s::bool IS NULL OR c.hosts = %(hosts)s)
   AND (%(booked)s::bool IS NULL OR (c.bookings > 0) = %(booked)s)
   AND (%(at)s::timestamptz IS NULL OR (c.last_at, c.key) < (%(at)s::timestamptz, %(key)s::text))
 ORDER BY c.last_at DESC, c.key DESC LIMIT %(limit)s
"""
ONE_CUSTOMER = f"SELECT {CUSTOMER} {FROM_CUSTOMERS} WHERE c.key = %s"


async def list_bookings(
    connection: Connection, *, status: str | None, property_id: str | None, purpose: str | None,
    subjects: Sequence[UUID] | None, since: datetime | None, until: datetime | None, after: int | None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Return bookings, the newest first; `after` is the position of the last one seen. Money in minor units.

    `state` is the folded one, as JSON.
    """
    asked: dict[str, Any] = {
        "status": status, "property_id": property_id, "purpose": purpose,
        "subjects": list(subjects) if subjects is not None else None, "since": since, "until": until,
        "after": after, "limit": limit,
    }  # fmt: skip
    return await (await connection.execute(BOOKINGS, asked)).fetchall()


async def one_booking(connection: Connection, booking_id: str) -> DictRow | None:
    """Return one booking, None where this brokerage has no such."""
    return await (await connection.execute(ONE_BOOKING, (booking_id,))).fetchone()


async def list_customers(
    connection: Connection, *, segment: str | None, hosts: bool | None, booked: bool | None,
    after: tuple[datetime, str] | None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Return customers, whoever was met last first; `after` is the (time, id) of the last one seen."""
    at, key = after or (None, None)
    asked = {"segment": segment, "hosts": hosts, "booked": booked, "at": at, "key": key, "limit": limit}
    return await (await connection.execute(CUSTOMERS, asked)).fetchall()


async def one_customer(connection: Connection, person_id: UUID) -> DictRow | None:
    """Return one customer, None where this person never had to do with a rental."""
    return await (await connection.execute(ONE_CUSTOMER, (str(person_id),))).fetchone()
