"""Conversations: what they score, what a text lead scores, and what they tell Meta."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, Row, Rung, ScoreTable, Value

# fmt: off
SCORES = (
    ScoreTable(about="conversations", rows=(
        Row(rule="high_intent",      fact="buying_intent",     equals="high",      points=30, why="means to buy"),
        Row(rule="medium_intent",    fact="buying_intent",     equals="medium",    points=15, why="may well buy"),
        Row(rule="low_intent",       fact="buying_intent",     equals="low",       points=5,  why="looks around"),
        Row(rule="immediate",        fact="timeline",          equals="immediate", points=25, why="wants to move now"),
        Row(rule="soon",             fact="timeline",          equals="soon",      points=15, why="wants to move soon"),
        Row(rule="exploring",        fact="timeline",          equals="exploring", points=5,  why="explores"),
        Row(rule="no_date",          fact="timeline",          equals="unknown",   points=0,  why="said no time"),
        Row(rule="price",            fact="asked_price",       equals=True,        points=10, why="asked the price"),
        Row(rule="financing",        fact="asked_financing",   equals=True,        points=15, why="asked how to pay"),
        Row(rule="viewing",          fact="requested_viewing", equals=True,        points=20, why="wants to see it"),
        Row(rule="contact",          fact="gave_contact",      equals=True,        points=15, why="can be reached"),
        Row(rule="engaged",          fact="engagement_level",  equals="high",      points=10, why="talked with zeal"),
        Row(rule="questions",        fact="questions",         at_least=1, points=2, each=True, most=10,
            why="asked questions"),
    )),
    ScoreTable(about="conversation_engagement", rows=(
        Row(rule="turns",            fact="turns",     at_least=1, points=2, each=True, most=40, why="turns"),
        Row(rule="questions",        fact="questions", at_least=1, points=5, each=True, most=30, why="questions"),
        Row(rule="minutes",          fact="minutes",   above=0,    points=3, each=True, most=30, why="minutes"),
    )),
    ScoreTable(about="text_leads", rows=(
        Row(rule="budget_figure", fact="budget_clarity",   equals="figure",          points=20, why="named a figure"),
        Row(rule="budget_range",  fact="budget_clarity",   equals="range",           points=20, why="named a range"),
        Row(rule="budget_vague",  fact="budget_clarity",   equals="vague",           points=10, why="hinted at money"),
        Row(rule="district",      fact="location_clarity", equals="district",        points=15, why="named a district"),
        Row(rule="city",          fact="location_clarity", equals="city",            points=8,  why="named a city"),
        Row(rule="now",           fact="urgency",          equals="now",             points=20, why="wants it now"),
        Row(rule="three_months",  fact="urgency",          equals="within_3_months", points=15, why="within 3 months"),
        Row(rule="this_year",     fact="urgency",          equals="within_a_year",   points=8,  why="within a year"),
        Row(rule="just_looking",  fact="urgency",          equals="just_looking",    points=3,  why="just looking"),
        Row(rule="answers",          fact="answered_share",   above=0, points=20, each=True, most=20,
            why="answers our messages"),
        Row(rule="informed",         fact="informed",         at_least=1, points=2, each=True, most=10,
            why="tells of themselves"),
        Row(rule="type",             fact="type_known",       equals=True, points=8, why="knows the type"),
        Row(rule="size",             fact="size_known",       equals=True, points=7, why="knows bedrooms or area"),
    )),
)


def _is(fact: str, equals: bool | str = True) -> Condition:
    return Condition(fact=fact, equals=equals)


LADDERS = (Ladder(name="engagement_level", rungs=(
    Rung(label="high",   when=(Condition(fact="engagement", at_least=70),), why="long, with many questions"),
    Rung(label="medium", when=(Condition(fact="engagement", at_least=40),), why="a real conversation"),
), otherwise="low"),)

MILESTONES = tuple(
    MilestoneRow(name=name, about="conversations", when=(_is(fact),), why=why) for name, fact, why in (
        ("budget_discussed",   "budget_discussed",   "spoke about money"),
        ("financing_inquiry",  "asked_financing",    "asked how to pay"),
        ("viewing_requested",  "requested_viewing",  "wants to see it"),
        ("contact_shared",     "gave_contact",       "left a way to reach them"),
        ("objection_resolved", "objection_resolved", "a doubt was settled"),
        ("follow_up_agreed",   "follow_up_agreed",   "wants to hear from us again"),
    )
)
_WHY = {row.name: row.why for row in MILESTONES}


def _outcome(
    event: str, value: Value, level: str, extra: tuple[str, ...], why: str, *when: Condition, chat: str | None = None
) -> ConversionRow:
    return ConversionRow(
        slot="conversation_outcome", on="conversation_closed", when=when, event_name=event, messaging_name=chat,
        value=value, category=f"ai_conversation_{level}", extra=extra, once_per="conversation", why=why,
    )


def _milestone(name: str, event: str, value: float, chat: str | None = None) -> ConversionRow:
    return ConversionRow(
        slot=f"conversation_milestone:{name}", on="conversation_progress", when=(_is(name),),
        event_name=event, messaging_name=chat, value=Value(fixed=value), category="ai_conversation_milestone",
        extra=("conversation_id", "milestone"), once_per="conversation", why=_WHY[name],
    )


_SCORE, _MEANS = ("lead_score",), ("lead_score", "buying_intent", "timeline")
_COMMISSION, _FOUR_HUNDRED = Value(base="commission", factor=0.1, otherwise=400), Value(fixed=400)
# Meta's nearest allowed name in a chat: who asks for a viewing or is hot is a QualifiedLead, who leaves a way to be
# reached is a LeadSubmitted, who asks how to pay an InitiateCheckout; the rest looked: ViewContent.
BRIEF = (
    _outcome("Purchase",  _COMMISSION,        "qualified",  ("qualification", *_MEANS), "as good as sold",
             Condition(fact="qualification", at_least=8)),
    _outcome("Schedule",  _FOUR_HUNDRED,      "qualified",  _MEANS, "a hot conversation",
             Condition(fact="lead_score", at_least=70), chat="QualifiedLead"),
    _outcome("Schedule",  _FOUR_HUNDRED,      "qualified",  _MEANS, "asked for a viewing",
             _is("requested_viewing"), chat="QualifiedLead"),
    _outcome("AddToCart", Value(fixed=150),   "interested", _SCORE, "a warm conversation",
             Condition(fact="lead_score", at_least=40)),
    _outcome("AddToCart", Value(fixed=150),   "interested", _SCORE, "asked the price", _is("asked_price")),
    _outcome("CompleteRegistration", Value(fixed=25), "basic", _SCORE, "somebody talked to us", chat="ViewContent"),
    _milestone("budget_discussed",   "Search",               75,  "ViewContent"),
    _milestone("financing_inquiry",  "AddPaymentInfo",       125, "InitiateCheckout"),
    _milestone("viewing_requested",  "Schedule",             300, "QualifiedLead"),
    _milestone("contact_shared",     "CompleteRegistration", 200, "LeadSubmitted"),
    _milestone("objection_resolved", "AddToCart",            100),
    _milestone("follow_up_agreed",   "Subscribe",            150, "LeadSubmitted"),
)


def _happened(slot: str, on: str, event: str, why: str, *when: Condition, chat: str | None = None) -> ConversionRow:
    return ConversionRow.model_validate({
        "slot": slot, "on": on, "when": when, "event_name": event, "messaging_name": chat,
        "category": "conversation", "extra": ("conversation_id",), "once_per": "conversation", "why": why,
    })


PLAIN = (
    _happened("conversation_outcome", "conversation_closed", "Schedule", "agreed to meet", _is("meeting_scheduled"),
              chat="LeadSubmitted"),
    _happened("conversation_outcome", "conversation_closed", "Contact", "somebody talked to us"),
    _happened("conversation_milestone:contact_shared", "conversation_progress", "Lead", "left a way to reach them",
              _is("contact_shared"), chat="LeadSubmitted"),
)
SILENT: dict[str, str] = {}
# fmt: on
