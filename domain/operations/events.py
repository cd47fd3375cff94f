"""Facts about what an operator should know: raised once per occurrence, cleared when it is over."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.shared.fact import Fact
from domain.shared.personal import Open

Subject = Literal["dataset_held", "deadline_near", "dead_letters", "subscription_disabled", "channel_held"]
"""What an alert is about. `dataset_held`: a dataset takes nothing. `deadline_near`: conversions will be too old within
a day. `dead_letters`: conversions that nobody sends any more. `subscription_disabled`: a system that subscribed is told
nothing any more, as its receiver took nothing. `channel_held`: messages wait for a token of an account that works."""


class AlertRaised(Fact):
    """Something needs an operator.

    Source: the review of alerts, by the scheduler and the workers.
    """

    kind: Open[Literal["operations.alert_raised.v1"]] = "operations.alert_raised.v1"
    alert_id: Open[UUID]
    subject: Open[Subject]
    dataset_id: Open[str] = ""  # of `channel_held` channel/account; "" where it is about neither
    says: Open[str] = Field(max_length=300)  # for a person: no value of anybody's
    count: Open[int | None] = Field(default=None, ge=0)  # conversions concerned


class AlertCleared(Fact):
    """What an alert was about is over.

    Source: the review of alerts, by the scheduler and the workers.
    """

    kind: Open[Literal["operations.alert_cleared.v1"]] = "operations.alert_cleared.v1"
    alert_id: Open[UUID]
    subject: Open[Subject]
    dataset_id: Open[str] = ""
