"""Every fact there is, by the kind it is stored under."""

from collections.abc import Callable
from typing import Any

from domain.ads.direct import ConversionAsked
from domain.ads.events import ConversionCorrected, ConversionsSent
from domain.ads.optimisation import OptimisationRuleWritten
from domain.appraisals.events import AppraisalMilestoneReached, AppraisalRequested
from domain.audiences.events import AudienceDefined, AudienceSynced
from domain.brokerage.events import (
    BrokerageRegistered,
    ChannelConnected,
    DatasetConnected,
    PolicyActivated,
    PolicyDrafted,
)
from domain.conversations.events import (
    ConversationAnalysed,
    ConversationCompleted,
    ConversationEnded,
    ConversationEventTracked,
    ConversationMilestoneReached,
    ConversationStarted,
)
from domain.experiments.events import ExperimentDefined
from domain.funnels.events import FunnelDefined, FunnelStepCompleted
from domain.investors.events import InvestorMilestoneReached, InvestorSignalObserved
from domain.leads.events import LeadFormSubmitted, LeadStageReached
from domain.messaging.events import (
    HolderChanged,
    MediaSettled,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    NoticeReceived,
    ReceiptReceived,
    SendRequested,
    SendSettled,
    SignalReceived,
    StateChanged,
    TemplateSynced,
    ThreadRated,
)
from domain.operations.events import AlertCleared, AlertRaised
from domain.people.events import ConsentGiven, ConsentWithdrawn, MergeProposed, SubjectsLinked, SubjectsParted
from domain.properties.events import PropertySaved, PropertyViewed
from domain.rentals.events import (
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalBookingInitiated,
    RentalHostingStarted,
    RentalInterestShown,
    RentalPaid,
    RentalReferralMade,
    RentalReviewLeft,
    RentalSearched,
    RentalStayCompleted,
    RentalValueChanged,
    RentalValueModelFitted,
)
from domain.shared.fact import Fact, Touchpoint
from domain.tours.events import (
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourStarted,
)
from domain.viewings.events import (
    SlotFreed,
    SlotHeld,
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingRequested,
)
from domain.web.events import WebPageViewed

FACTS: tuple[type[Fact], ...] = (
    TourStarted,
    TourRoomVisited,
    TourActed,
    TourMilestoneReached,
    TourCompleted,
    TourEnded,
    ConversationStarted,
    ConversationEventTracked,
    ConversationMilestoneReached,
    ConversationCompleted,
    ConversationAnalysed,
    ConversationEnded,
    MessageReceived,
    MessageEchoed,
    ReceiptReceived,
    MessageChanged,
    SignalReceived,
    NoticeReceived,
    SendRequested,
    SendSettled,
    HolderChanged,
    StateChanged,
    ThreadRated,
    MediaSettled,
    TemplateSynced,
    AppraisalRequested,
    AppraisalMilestoneReached,
    RentalSearched,
    RentalBookingInitiated,
    RentalPaid,
    RentalBookingConfirmed,
    RentalBookingCancelled,
    RentalStayCompleted,
    RentalReviewLeft,
    RentalReferralMade,
    RentalHostingStarted,
    RentalInterestShown,
    RentalValueModelFitted,
    RentalValueChanged,
    PropertyViewed,
    PropertySaved,
    ViewingRequested,
    ViewingBooked,
    ViewingConfirmed,
    ViewingCompleted,
    ViewingMissed,
    ViewingCancelled,
    ViewingFollowedUp,
    SlotHeld,
    SlotFreed,
    InvestorSignalObserved,
    InvestorMilestoneReached,
    WebPageViewed,
    LeadFormSubmitted,
    LeadStageReached,
    ConversionAsked,
    ConsentGiven,
    ConsentWithdrawn,
    SubjectsLinked,
    SubjectsParted,
    MergeProposed,
    BrokerageRegistered,
    DatasetConnected,
    ChannelConnected,
    PolicyDrafted,
    PolicyActivated,
    ConversionsSent,
    ConversionCorrected,
    OptimisationRuleWritten,
    FunnelStepCompleted,
    FunnelDefined,
    ExperimentDefined,
    AudienceDefined,
    AudienceSynced,
    AlertRaised,
    AlertCleared,
)


def kind_of(fact: type[Fact]) -> str:
    """Return the kind a class of facts is stored under, such as `tours.room_visited.v1`."""
    return str(fact.model_fields["kind"].default)


BY_KIND: dict[str, type[Fact]] = {kind_of(fact): fact for fact in FACTS}

TOUCHPOINTS: dict[str, type[Touchpoint]] = {
    kind: fact for kind, fact in BY_KIND.items() if issubclass(fact, Touchpoint) and fact.posted
}
"""What producers may post."""

DONE_BY_PEOPLE: frozenset[str] = frozenset({*TOUCHPOINTS, kind_of(MessageReceived), kind_of(SignalReceived)})
"""What people did themselves, whoever reports it: the visits of which journeys and attribution speak."""

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

UPCASTERS: dict[str, Upcaster] = {}
"""Kind of old → function from its stored state to (newer kind, state). Empty while every kind is at v1."""


def upcast(kind: str, state: dict[str, Any], upcasters: dict[str, Upcaster] = UPCASTERS) -> tuple[str, dict[str, Any]]:
    """Lift a stored state to the newest version of its kind, step by step."""
    while kind in upcasters:
        kind, state = upcasters[kind](state)
    return kind, state
