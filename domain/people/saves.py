"""How much a save means: what the person had seen, walked and asked of the home before they saved it."""

from domain.brokerage.rulebook import House
from domain.conversations.conversation import Conversation
from domain.investors.interest import Saved
from domain.people.person import Person
from domain.scoring.policy import FactValue, Score, score
from domain.tours import session as tour

ABOUT = "saves"
WEEK_MS = 7 * 86_400_000


def facts_of(person: Person, home: str, house: House) -> dict[str, FactValue]:
    """Return the named facts of a save; of everything else only what began before it, or with it, counts.

    `tour_quality` is that of the best tour of the home. `saves_in_7_days` counts the properties saved in the seven days
    up to this save, itself included.
    """
    save = person.interest.saved[home]
    return {
        "saved_from": save.saved_from,
        "earlier_views": len(_earlier_views(person, home, save)),
        "tour_quality": _best_tour(person, home, save, house)[0],
        "talked_about": bool(_talks(person, home, save)),
        "saves_in_7_days": len(_recent_saves(person, save)),
    }


def score_of(person: Person, home: str, house: House) -> Score:
    """Score a save 0–100 by the policy that held when it came, with the log entries behind each reason."""
    save, facts = person.interest.saved[home], facts_of(person, home, house)
    evidence = {
        "saved_from": (save.event,),
        "earlier_views": _earlier_views(person, home, save),
        "tour_quality": _best_tour(person, home, save, house)[1],
        "talked_about": _conversations(person, home, save),
        "saves_in_7_days": _recent_saves(person, save),
    }
    return score(house.policy_of(save.revision), ABOUT, facts, evidence)


def _earlier_views(person: Person, home: str, save: Saved) -> tuple[str, ...]:
    views = person.interest.views
    return tuple(
        one.event for one in views if one.property_id == home and (one.at_ms, one.event) < (save.at_ms, save.event)
    )


def _best_tour(person: Person, home: str, save: Saved, house: House) -> tuple[str | None, tuple[str, ...]]:
    tours = [one for one in person.tours.values() if one.property_id == home and one.first_ms <= save.at_ms]
    if not tours:
        return None, ()
    best = max(tours, key=lambda one: (tour.score_of(one, house).score, one.session_id))
    return tour.score_of(best, house).quality, best.visits[:1] or ((best.closed_by,) if best.closed_by else ())


def _conversations(person: Person, home: str, save: Saved) -> tuple[str, ...]:
    """Return, for each conversation about the home that had begun by then, the log entry that tells of it."""
    return tuple(sorted(filter(None, map(_told_by, _talks(person, home, save)))))


def _talks(person: Person, home: str, save: Saved) -> list[Conversation]:
    talks = [one for one in person.conversations.values() if one.property_id == home and one.touchpoints]
    return [one for one in talks if one.first_ms <= save.at_ms]


def _told_by(conversation: Conversation) -> str:
    """Return the log entry of its first turn, else of what was heard first, else of its end; "" where none is kept."""
    heard = [entry for entries in conversation.heard.values() for entry in entries[:1]]
    first = min(((one.at_ms, one.event) for one in conversation.turns[:1]), default=None) or min(heard, default=None)
    return first[1] if first else conversation.over_by or ""


def _recent_saves(person: Person, save: Saved) -> tuple[str, ...]:
    since, until = save.at_ms - WEEK_MS, (save.at_ms, save.event)
    saves = person.interest.saved.values()
    return tuple(
        sorted(one.event for one in saves if since < one.at_ms and (one.at_ms, one.event) <= until)
    )  # fmt: skip
