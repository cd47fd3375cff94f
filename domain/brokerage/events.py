"""Facts about our customer: who they are, where their conversions go, which rules they chose."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from domain.scoring.policy import Policy
from domain.shared.fact import Fact, Label
from domain.shared.personal import Open

DatasetId = Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]
DatasetRole = Literal["website", "messaging", "crm", "offline"]


class BrokerageRegistered(Fact):
    """A brokerage signed up. Its currency, region and default of consent hold until a later fact says otherwise.

    Source: `masar brokerage create`.
    """

    kind: Open[Literal["brokerage.registered.v1"]] = "brokerage.registered.v1"
    name: Open[Label]
    currency: Open[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]] = "EGP"
    region: Open[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] = "EG"  # for local phone numbers
    ask_first: Open[bool] = False  # True: no conversion without a consent given


class DatasetConnected(Fact):
    """A Meta dataset (pixel) takes this brokerage's conversions of one role. Its token is kept elsewhere.

    Source: `masar dataset connect`.
    """

    kind: Open[Literal["brokerage.dataset_connected.v1"]] = "brokerage.dataset_connected.v1"
    dataset_id: Open[DatasetId]
    role: Open[DatasetRole] = "website"


class PolicyActivated(Fact):
    """From here on this policy scores and decides conversions; the whole of it, so that replay needs no table.

    Things that happened before `effective_from` earn no conversion. Source: `masar brokerage create`, activation.
    """

    kind: Open[Literal["brokerage.policy_activated.v1"]] = "brokerage.policy_activated.v1"
    policy: Open[Policy]
    revision: Open[int] = Field(ge=1)  # counts this brokerage's activations


BrokerageFact = BrokerageRegistered | DatasetConnected | PolicyActivated
