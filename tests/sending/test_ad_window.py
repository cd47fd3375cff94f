"""Whether an advertisement widens WhatsApp's window is the operator's to say; all who ask hear the same."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.settings import Settings
from application.outgoing import Draft, WindowShut
from application.ports.desks import Desk
from application.request_send import check_permission
from domain.messaging.windows import WindowRules

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLICKED = NOW - timedelta(hours=40)
DESK = Desk(uuid4(), uuid4(), uuid4(), "whatsapp", "106", last_inbound_at=CLICKED, ad_at=CLICKED)


class Answered:
    """A customer who came from an advertisement and was answered within the hour."""

    def opted_in(self, brokerage_id: UUID, subject_id: UUID) -> bool | None:
        return None

    def answered_at(self, desk: Desk) -> datetime | None:
        return CLICKED + timedelta(hours=1)

    def unreachable(self, desk: Desk) -> bool:
        return False


def test_an_answered_click_lets_anything_be_sent_for_three_days() -> None:
    assert check_permission(DESK, Draft("agent", "hello"), NOW, Answered(), WindowRules()).why == "came_from_ad"


def test_switched_off_the_window_is_a_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_WHATSAPP_AD_WINDOW", "false")
    rules = Settings().windows()
    with pytest.raises(WindowShut):
        check_permission(DESK, Draft("agent", "hello"), NOW, Answered(), rules)
