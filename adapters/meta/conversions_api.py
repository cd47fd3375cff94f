"""The sink of conversions that is Meta's Conversions API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.meta.conversion_event import event_of
from adapters.meta.graph import GraphClient
from adapters.meta.precheck import precheck
from adapters.meta.settings import DEFAULTS, MetaSettings
from application.ports.conversions import Accepted, Credentials, Draft, Unsendable


class MetaConversions:
    """Drafts events as Meta wants them and sends them to its datasets."""

    def __init__(self, graph: GraphClient, settings: MetaSettings = DEFAULTS) -> None:
        self._graph = graph
        self._settings = settings
        self.version = graph.version

    def draft(self, payload: Mapping[str, Any], opened: Mapping[str, Any], now: datetime) -> Draft | Unsendable:
        """Return the event of a message, or why Meta would refuse it."""
        event = event_of(payload, opened, self._settings)
        return precheck(event, now, self._settings) or Draft(event, tuple(sorted(event["user_data"])))

    def send(self, dataset_id: str, credentials: Credentials, events: Sequence[Mapping[str, Any]]) -> Accepted:
        """Send up to 1,000 events. Raises one of the kinds of NotAccepted."""
        return self._graph.send_events(
            dataset_id,
            credentials.token,
            events,
            app_secret=credentials.app_secret,
            test_event_code=credentials.test_event_code,
            partner_agent=credentials.partner_agent,
        )
