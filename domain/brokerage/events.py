"""Facts about our customer: who they are, where their conversions go, which rules they chose."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.rentals.events import RentalValueModelFitted
from domain.scoring.policy import DatasetRole, Policy
from domain.shared.fact import Channel, Fact, Label
from domain.shared.personal import Open

DatasetId = Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]


class DataProcessing(BaseModel):
    """Meta's data processing options: `LDU` limits what it may do; country and state 0 let it locate the person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: tuple[Literal["LDU"], ...] = ("LDU",)
    country: Literal[0, 1] = 0
    state: Literal[0, 1000, 1001, 1002, 1003, 1004] = 0


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

    A `messaging` dataset names the page, WhatsApp business account or Instagram account that it belongs to: one of
    them at least. `fb_login_id` is added to every event where one is given; `partner_agent` to every request.

    Source: `masar dataset connect`.
    """

    kind: Open[Literal["brokerage.dataset_connected.v1"]] = "brokerage.dataset_connected.v1"
    dataset_id: Open[DatasetId]
    role: Open[DatasetRole] = "website"
    page_id: Open[DatasetId | None] = None
    whatsapp_business_account_id: Open[DatasetId | None] = None
    instagram_business_account_id: Open[DatasetId | None] = None
    fb_login_id: Open[Annotated[str, StringConstraints(pattern=r"^\d{1,20}$")] | None] = None
    partner_agent: Open[Label | None] = None
    data_processing: Open[DataProcessing | None] = None
    crm_name: Open[Label | None] = None  # what Meta is told of where stages of leads come from


class ChannelConnected(Fact):
    """An account on a messaging channel is ours: what comes to it is this brokerage's, and answered for it.

    `app` is the Meta application whose secrets sign its webhooks; a 360dialog account has secrets of its own.
    `business_id` is the WhatsApp business account that it belongs to, `page_id` the page of an Instagram account.
    Tokens are kept elsewhere. Told again it replaces; `connected` False takes it away. Source: `masar channel connect`.
    """

    kind: Open[Literal["brokerage.channel_connected.v1"]] = "brokerage.channel_connected.v1"
    channel: Open[Channel]
    account_id: Open[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\-]{1,64}$")]]
    provider: Open[Literal["meta", "360dialog"]] = "meta"
    app: Open[Label | None] = None
    business_id: Open[DatasetId | None] = None
    page_id: Open[DatasetId | None] = None
    name: Open[Label | None] = None
    agent: Open[Label | None] = None  # whose it is, and who is told when a human is wanted
    connected: Open[bool] = True


class PolicyDrafted(Fact):
    """Somebody wrote a version of a policy; it changes nothing until it is activated.

    Source: `PUT /api/policies`, `masar policy edit`.
    """

    kind: Open[Literal["brokerage.policy_drafted.v1"]] = "brokerage.policy_drafted.v1"
    policy: Open[Policy]
    copied_from: Open[Label | None] = None  # the policy it began as, such as brief@2
    by: Open[Label | None] = None  # the key of whoever wrote it


class PolicyActivated(Fact):
    """From here on this policy scores and decides conversions; the whole of it, so that replay needs no table.

    Things that happened before `effective_from` earn no conversion. Source: `masar brokerage create`, activation.
    """

    kind: Open[Literal["brokerage.policy_activated.v1"]] = "brokerage.policy_activated.v1"
    policy: Open[Policy]
    revision: Open[int] = Field(ge=1)  # counts this brokerage's activations
    by: Open[Label | None] = None  # the key of whoever activated it
    rolled_back_from: Open[int | None] = None  # the revision that this one takes back


BrokerageFact = (
    BrokerageRegistered | DatasetConnected | ChannelConnected | PolicyDrafted | PolicyActivated | RentalValueModelFitted
)
