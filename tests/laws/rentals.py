"""Plausible pasts of guests and hosts, for Hypothesis."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.shared.fact import Fact
from tests.cast_rentals import (
    DAY,
    asked_to_buy,
    called_off,
    hosting,
    initiated,
    paid,
    referred,
    reviewed,
    searched,
    stay,
    stayed,
)

bookings = st.sampled_from(["b1", "b2", "b3", "b4"])
whens = st.integers(0, 400).map(lambda days: days * DAY)
rental_facts: SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda when, local, premium: searched(when, local=local, premium=premium),
        whens, st.sampled_from([None, True, False]), st.sampled_from([None, True]),
    ),
    st.builds(lambda booking, when: initiated(booking, when), bookings, whens),
    st.builds(
        lambda booking, pounds, when, purpose, money: stay(booking, pounds, when, purpose=purpose, currency=money),
        bookings, st.integers(0, 50_000), whens, st.sampled_from([None, "business"]),
        st.sampled_from([None, None, "EGP", "USD"]),
    ),
    st.builds(
        lambda booking, pounds, when, refund, own, of: paid(
            pounds, booking, when, refund=refund, transaction_id=own, parent_transaction_id=of
        ),
        bookings, st.integers(0, 5_000), whens, st.booleans(), st.sampled_from([None, "t1", "t2"]),
        st.sampled_from([None, "t1"]),
    ),
    st.builds(
        lambda booking, when, back: called_off(booking, when, refund_minor=back),
        bookings, whens, st.sampled_from([None, 0, 10_000]),
    ),
    st.builds(stayed, bookings, whens),
    st.builds(lambda rating, when, by: reviewed(rating, when=when, by=by), st.integers(1, 5), whens,
              st.sampled_from(["guest", "host"])),
    st.builds(referred, st.sampled_from(["r1", "r2"]), whens),
    st.builds(hosting, whens),
    st.builds(asked_to_buy, whens),
)  # fmt: skip
