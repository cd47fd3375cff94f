"""Checks a funnel against the catalogue: kinds that exist, conditions on fields that anybody may see."""

from collections.abc import Iterable, Mapping

from application.ports.touchpoints import Problem
from domain.catalogue import BY_KIND
from domain.funnels.funnel import Funnel, Match
from domain.shared.personal import Privacy, privacy_of


def problems_of(funnel: Funnel) -> list[Problem]:
    """Return what is wrong with a funnel, each with its place in it."""
    steps = {f"steps.{nth}": one for nth, one in enumerate(funnel.steps)}
    return problems_in({**steps, **{f"exclusions.{nth}": one for nth, one in enumerate(funnel.exclusions)}})


def problems_in(matches: Mapping[str, Match]) -> list[Problem]:
    """Return what is wrong with matches, by their places; personal fields are sealed and cannot be asked for."""
    return [problem for place, match in matches.items() for problem in _of(match, place)]


def _of(match: Match, place: str) -> Iterable[Problem]:
    for kind in match.kinds:
        if kind not in BY_KIND:
            yield Problem(f"{place}.kinds", f"there is no kind {kind!r}")
            continue
        model = BY_KIND[kind]
        for nth, condition in enumerate(match.when):
            name = condition.fact.partition(".")[0]
            if name not in model.model_fields:
                yield Problem(f"{place}.when.{nth}.fact", f"{kind} has no field {name!r}")
            elif privacy_of(model, name) is not Privacy.OPEN:
                yield Problem(f"{place}.when.{nth}.fact", f"{name} is personal: it is sealed in the log")
