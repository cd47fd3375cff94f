"""The person across platforms: intent, multipliers, and what an agent should do next."""

from domain.scoring.policy import ActionRow, Condition, IntentWeights, MultiplierRow, Multipliers

# fmt: off
INTENT = IntentWeights(
    weights={"tours": 0.3, "conversations": 0.4, "rentals": 0.3}, window_days=90, alone_at_most=7,
)

MULTIPLIERS = Multipliers(most=3, tables=(
    (MultiplierRow(fact="platforms", at_least=3, times=1.5, why="met on three platforms or more"),),
    (MultiplierRow(fact="intent",    at_least=8, times=2,   why="means it"),
     MultiplierRow(fact="intent",    at_least=6, times=1.5, why="is serious")),
))


def _yes(fact: str) -> Condition:
    return Condition(fact=fact, equals=True)


ACTIONS = (
    ActionRow(do="offer_viewing_slots", why="asked for a viewing, none is booked", when=(_yes("viewing_wanted"),)),
    ActionRow(do="ask_how_it_went",     why="a viewing is done, no outcome is noted", when=(_yes("outcome_missing"),)),
    ActionRow(do="visit_the_owner",     why="the owner is about to sell",
              when=(Condition(fact="seller_likelihood", at_least=70),)),
    ActionRow(do="call",                why="walked a home thoroughly, nobody spoke with them",
              when=(_yes("hot_tour"), Condition(fact="contacted", equals=False))),
    ActionRow(do="send_payment_plan",   why="asked the price twice",
              when=(Condition(fact="price_asked", at_least=2),)),
    ActionRow(do="follow_up",           why="was hot, and silent for three days",
              when=(_yes("was_hot"), Condition(fact="silent_days", at_least=3))),
)
# fmt: on
SILENT = {
    "people.consent_given.v1": "what a person allows is not something they bought",
    "people.consent_withdrawn.v1": "what a person forbids is respected, not reported",
}
