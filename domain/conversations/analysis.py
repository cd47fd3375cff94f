"""What was found out about a conversation: closed words and numbers are open, free words are personal."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.messaging.content import UNSTORABLE
from domain.people.hints import Text
from domain.properties.listing import Currency, Minor

Level = Literal["high", "medium", "low"]
Horizon = Literal["immediate", "soon", "exploring", "unknown"]
"""When the customer means to act, as a conversation tells it."""
Urgency = Literal["now", "within_3_months", "within_a_year", "just_looking"]
"""The same in the words of leads."""
BudgetClarity = Literal["figure", "range", "vague"]
LocationClarity = Literal["district", "city"]
Informed = Literal["name", "email", "second_phone", "financing_need", "purpose"]
"""What a customer may tell of themselves beside what they look for."""
Status = Literal["active", "completed", "abandoned"]
Specialist = Literal["financial", "legal", "condition", "location", "scheduling", "general"]
"""Whose question it was: which of the assistant's specialists answered most."""

# fmt: off
Topic = Literal[
    "price", "financing", "location", "viewing", "availability", "size", "condition", "finishing", "delivery",
    "amenities", "legal", "investment", "rent", "comparison", "developer", "contact",
]
# fmt: on
"""Topics that are counted; any other word for one is the customer's own, and personal."""

Count = Annotated[int, Field(ge=0, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Rating = Annotated[int, Field(ge=1, le=5)]
"""Stars that the customer gave."""
MOST_WORDS = 50
Texts = Annotated[tuple[Text, ...], Field(max_length=MOST_WORDS)]


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Analysis(_Found):
    """Closed words and numbers about a conversation; None for what nobody looked at.

    Money in minor units, without currency in the brokerage's. `sentiment` −1 to 1, `engagement` 0 to 100,
    `qualification` 1 to 10. `answered_share` is the part of our messages that the customer answered.
    """

    buying_intent: Level | None = None
    timeline: Horizon | None = None
    budget_min_minor: Minor | None = None
    budget_max_minor: Minor | None = None
    currency: Currency | None = None
    engagement_level: Level | None = None
    questions: Count | None = None
    topics: Annotated[tuple[Topic, ...], Field(max_length=MOST_WORDS)] = ()
    sentiment: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None = None
    objections_raised: Count | None = None
    objections_resolved: Count | None = None
    rating: Rating | None = None
    follow_up_requested: bool | None = None
    meeting_scheduled: bool | None = None
    engagement: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    status: Status | None = None
    specialist: Specialist | None = None
    qualification: Annotated[int, Field(ge=1, le=10)] | None = None
    asked_about_price: bool | None = None
    asked_about_financing: bool | None = None
    requested_viewing: bool | None = None
    gave_contact: bool | None = None
    budget_clarity: BudgetClarity | None = None
    location_clarity: LocationClarity | None = None
    urgency: Urgency | None = None
    type_known: bool | None = None
    size_known: bool | None = None
    informed: Annotated[tuple[Informed, ...], Field(max_length=5)] = ()
    answered_share: Share | None = None

    @model_validator(mode="after")
    def _budget_ascends(self) -> Self:
        low, high = self.budget_min_minor, self.budget_max_minor
        if low is not None and high is not None and high < low:
            raise ValueError("budget_max_minor must not be below budget_min_minor")
        return self


class AnalysisNotes(_Found):
    """The free words of an analysis: whatever could tell of somebody's life."""

    budget: Text | None = None
    family_situation: Text | None = None
    qualification_signals: Texts = ()
    topics: Texts = ()
    objections: Texts = ()
    decision_factors: Texts = ()
    next_steps: Texts = ()


Speaker = Literal["customer", "assistant", "agent"]
"""Who speaks; the assistant is a machine, an agent a human."""


def _plain(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("must not contain NUL or lone surrogates")
    return text


Said = Annotated[str, StringConstraints(min_length=1, max_length=50_000), AfterValidator(_plain)]


class Turn(_Found):
    """What one side said before the other spoke again."""

    by: Speaker
    text: Said


class Transcript(_Found):
    """A conversation word for word: turn by turn, or as one text with a line for each turn."""

    turns: Annotated[tuple[Turn, ...], Field(max_length=5_000)] = ()
    text: Said | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.turns and self.text is None:
            raise ValueError("needs turns or a text")
        return self
