"""Lead forms, and the stages that leads of Instant Forms reach."""

from domain.ads.occasion import Moment, Occasion, occasion
from domain.leads import form
from domain.leads.events import LeadFormSubmitted, LeadStageReached
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = frozenset({LeadFormSubmitted, LeadStageReached})


def occasions(moment: Moment) -> list[Occasion]:
    """Return the form with its score, or the stage under its own name."""
    fact = moment.recorded.fact
    match fact:
        case LeadFormSubmitted():
            sent = moment.after.forms[str(moment.recorded.stream_id)]
            scored = form.score_of(sent, moment.house)
            facts = {
                **form.facts_of(sent, moment.house),
                "form_score": scored.score,
                "quality": scored.quality,
                "conversion_probability": form.conversion_probability(scored),
            }
            return [occasion("lead_form", fact, facts, home=fact.property_id)]
        case LeadStageReached():
            has_lead_id = "lead_id" in moment.after.contact.kinds
            stage = {"stage": fact.stage, "crm": fact.crm, "has_lead_id": has_lead_id}
            return [occasion("lead_stage", fact, stage)]
        case _:
            return []
