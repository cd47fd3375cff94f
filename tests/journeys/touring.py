"""Touchpoints of people touring homes, for load and for stories."""

from datetime import UTC, datetime, timedelta
from typing import Any

ROOMS = ("living room", "kitchen", "master bedroom", "bathroom", "balcony", "غرفة نوم")


def tour(
    session: str, person: dict[str, Any], *, started: datetime | None = None, rooms: int = 6
) -> list[dict[str, Any]]:
    """Return a tour of `rooms` rooms, two minutes each, with a share, opened and closed: hot."""
    at = datetime.now(UTC) - timedelta(minutes=30)
    base = {"session_id": session, "property_id": f"villa-{sum(map(ord, session)) % 40}"}

    def touchpoint(nth: int, kind: str, **payload: Any) -> dict[str, Any]:
        return {
            "id": f"{session}/{nth}", "kind": kind, "occurred_at": (at + timedelta(seconds=nth)).isoformat(),
            "person": person, "page_url": "https://homes.example/tour?from=ad", "payload": {**base, **payload},
        }  # fmt: skip

    visits = [
        touchpoint(nth, "tours.room_visited.v1", room=ROOMS[nth % len(ROOMS)], dwell_s=121.5)
        for nth in range(1, rooms + 1)
    ]
    return [
        touchpoint(0, "tours.started.v1", tour_kind="virtual_3d", rooms_available=6),
        *visits,
        touchpoint(rooms + 1, "tours.acted.v1", action="share"),
        touchpoint(rooms + 2, "tours.completed.v1"),
    ]


def visitor(nth: int) -> dict[str, Any]:
    """Return the hints of an anonymous visitor whom Meta could find."""
    return {
        "fbp": f"fb.1.1700000000000.{nth}", "ip": f"41.33.{nth // 250 % 250}.{nth % 250 + 1}",
        "user_agent": "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile",
    }  # fmt: skip
