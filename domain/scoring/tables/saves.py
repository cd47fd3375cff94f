"""Saves: how much one means, and what it tells Meta."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, Row, ScoreTable, Value

# fmt: off
SCORES = (ScoreTable(about="saves", base=20, rows=(
    Row(rule="seen_before",     fact="earlier_views",   at_least=1, points=5, each=True, most=20, why="looked before"),
    Row(rule="warm_tour",       fact="tour_quality",    equals="warm",       points=15, why="walked through it"),
    Row(rule="hot_tour",        fact="tour_quality",    equals="hot",        points=25, why="walked it thoroughly"),
    Row(rule="talked_about",    fact="talked_about",    equals=True,         points=15, why="talked about it"),
    Row(rule="from_comparison", fact="saved_from",      equals="comparison", points=10, why="it won a comparison"),
    Row(rule="from_calculator", fact="saved_from",      equals="calculator", points=10, why="did the sums first"),
    Row(rule="third_this_week", fact="saves_in_7_days", at_least=3,          points=10, why="saves again and again"),
)),)
LADDERS: tuple[Ladder, ...] = ()
MILESTONES: tuple[MilestoneRow, ...] = ()


def _save(event: str, why: str, when: Condition) -> ConversionRow:
    return ConversionRow(
        slot="property_saved", on="property_saved", when=(when,), event_name=event,
        value=Value(base="scored_price", factor=0.0005), category="property_saved",
        once_per="person_and_property", why=why,
    )


BRIEF = (
    _save("AddToWishlist", "keeps it in mind",     Condition(fact="save_score", below=60)),
    _save("AddToCart",     "is about to choose it", Condition(fact="save_score", at_least=60)),
)

PLAIN = (
    ConversionRow(slot="property_saved", on="property_saved", event_name="AddToWishlist", category="property_saved",
                  once_per="person_and_property", why="somebody put a home on their list"),
)

SILENT: dict[str, str] = {
    "properties.viewed.v1": "a look at a page counts for the person; saving it is worth telling",
}
# fmt: on
