"""What may become of a few viewings, in any order, for Hypothesis."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.shared.fact import Fact
from tests.cast import FLAT, VILLA
from tests.cast_viewings import FRIDAY, MONDAY, booked, came, cancelled, confirmed, costing, missed, requested
from tests.cast_viewings import followed_up as asked_after

HOMES = {"v1": VILLA, "v2": VILLA, "v3": FLAT}
"""Viewing → the property that all its facts name."""

names = st.sampled_from(sorted(HOMES))
seconds = st.integers(-86_400, 86_400)
prices = st.one_of(st.none(), st.integers(1, 10**7))


def _step(make: Callable[..., Fact], **more: SearchStrategy[Any]) -> SearchStrategy[Fact]:
    return st.builds(
        lambda name, when, told: make(name=name, home=HOMES[name], when=when, **told),
        names, seconds, st.fixed_dictionaries(more),
    )  # fmt: skip


viewed: SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda home, when, price: requested(home, when, listing=costing(price) if price else None),
        st.sampled_from([VILLA, FLAT]), seconds, prices,
    ),
    _step(
        booked, pounds=prices, party_size=st.integers(1, 3), begins=st.sampled_from([MONDAY, FRIDAY]),
        viewing_type=st.sampled_from(["in_person", "virtual", "self_guided"]), asked_for_broker=st.booleans(),
    ),
    _step(confirmed),
    _step(came),
    _step(missed),
    _step(cancelled),
    _step(asked_after, outcome=st.sampled_from(["offer", "thinking"])),
)  # fmt: skip
