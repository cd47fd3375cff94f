"""What producers post of a conversation, as it is kept: the analysis in its two parts, the transcript in one shape."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from domain.conversations.analysis import AnalysisNotes, Topic

# fmt: off
OTHER_WORDS = {
    "number_of_questions": "questions",        "questions_asked": "questions",    "question_count": "questions",
    "sentiment_score": "sentiment",            "engagement_score": "engagement",  "customer_rating": "rating",
    "qualification_score": "qualification",    "specialist_type": "specialist",
    "asked_price": "asked_about_price",        "asked_financing": "asked_about_financing",
    "viewing_requested": "requested_viewing",  "contact_shared": "gave_contact",
}
"""Other words that producers use → ours."""
SPEAKERS = {
    "customer": "customer", "user": "customer", "client": "customer", "caller": "customer", "human": "customer",
    "visitor": "customer",  "lead": "customer",
    "assistant": "assistant", "ai": "assistant", "bot": "assistant", "avatar": "assistant", "system": "assistant",
    "agent": "agent", "broker": "agent", "sales": "agent", "operator": "agent",
}
# fmt: on
"""Who speaks, in the words of voice and chat platforms → in ours."""
OURS = "conversations."
NOTES = frozenset(AnalysisNotes.model_fields)
LISTS = frozenset({"qualification_signals", "topics", "objections", "decision_factors", "next_steps"})
TOPICS: frozenset[str] = frozenset(get_args(Topic))
MOST_MONEY = 10**13


def as_kept(kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a conversation's payload with `analysis` parted into open and personal, `transcript` as turns or text.

    What makes no sense is left as it is: the fields' own rules refuse it by name.
    """
    if not kind.startswith(OURS):
        return payload
    kept = dict(payload)
    if isinstance(kept.get("analysis"), dict):
        given = kept.get("analysis_notes")
        analysis, notes = _parted(kept["analysis"])
        kept["analysis"] = analysis
        if notes and (given is None or isinstance(given, dict)):
            kept["analysis_notes"] = notes | (given or {})
    if "transcript" in kept:
        kept["transcript"] = _transcript(kept["transcript"])
    return kept


def _parted(posted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    analysis = {OTHER_WORDS.get(name, name): value for name, value in posted.items()}
    notes = {
        name: [analysis[name]] if name in LISTS and isinstance(analysis[name], str) else analysis[name]
        for name in NOTES & analysis.keys()
    }
    analysis = {name: value for name, value in analysis.items() if name not in NOTES}
    if isinstance(notes.get("topics"), list):
        known = [one for one in notes["topics"] if isinstance(one, str) and one in TOPICS]
        analysis["topics"] = known
        notes["topics"] = [one for one in notes["topics"] if one not in known]
    if isinstance(notes.get("objections"), list):
        analysis.setdefault("objections_raised", len(notes["objections"]))
    if (budget := _budget(notes.get("budget"))) is not None:
        analysis = budget | analysis
        del notes["budget"]
    return analysis, notes


def _budget(told: Any) -> dict[str, Any] | None:
    """Read a number, or {"min", "max", "currency"}, in currency units; minor units are hundredths."""
    if _is_money(told):
        return {"budget_max_minor": round(told * 100)}
    if not isinstance(told, dict) or not told or not told.keys() <= {"min", "max", "currency"}:
        return None
    amounts = {name: told[name] for name in ("min", "max") if told.get(name) is not None}
    if not all(_is_money(one) for one in amounts.values()):
        return None
    budget: dict[str, Any] = {f"budget_{name}_minor": round(one * 100) for name, one in amounts.items()}
    return budget | ({"currency": told["currency"]} if told.get("currency") is not None else {})


def _is_money(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        and abs(value) <= MOST_MONEY
    )  # fmt: skip


def _transcript(told: Any) -> Any:
    if isinstance(told, str):
        return {"text": told}
    if isinstance(told, list):
        return {"turns": [_turn(one) for one in told]}
    return told


def _turn(told: Any) -> Any:
    """Return a turn in our words: `role` and `speaker` mean `by`, `content`, `message` and `said` mean `text`."""
    if not isinstance(told, dict):
        return told
    names = {"role": "by", "speaker": "by", "content": "text", "message": "text", "said": "text"}
    turn = {names.get(name, name): value for name, value in told.items() if name not in ("at", "timestamp", "time")}
    if isinstance(turn.get("by"), str):
        turn["by"] = SPEAKERS.get(turn["by"].casefold(), turn["by"])
    return turn
