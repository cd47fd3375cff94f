"""The policy named `plain`: reports only what literally happened, for brokerages that want clean figures."""

from domain.scoring.brief import LEAD_FORMS, NO_CONVERSION, TOURS
from domain.scoring.policy import Condition, ConversionRow, Policy

PLAIN = Policy(
    name="plain",
    version=1,
    scores=(TOURS, LEAD_FORMS),
    conversions=(
        ConversionRow(
            slot="tour_outcome",
            on="tour_closed",
            event_name="ViewContent",
            category="virtual_tour",
            extra=("engagement_score", "tour_completion"),
            once_per="session",
            why="somebody looked at a home",
        ),
        ConversionRow(
            slot="tour_milestone:shared_tour",
            on="tour_progress",
            when=(Condition(fact="shared_tour", equals=True),),
            event_name="Share",
            category="virtual_tour_milestone",
            extra=("tour_id",),
            once_per="session",
            why="somebody shared a tour",
        ),
        ConversionRow(
            slot="lead_form",
            on="lead_form",
            event_name="Lead",
            category="lead_form",
            once_per="touchpoint",
            why="somebody asked to be called",
        ),
    ),
    silent=NO_CONVERSION,
)
