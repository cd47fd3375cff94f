"""What people say in conversations, for the histories."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.conversations.analysis import Transcript
from domain.shared.fact import Fact
from tests.cast import FLAT, VILLA
from tests.cast_conversations import agreed, analysed, began, hung_up, judged, noted, silent

WORDS = Transcript(text="how much?")
seconds = st.integers(-86_400, 86_400)
talks = st.sampled_from(["s1", "c1", "c2"])
details = st.lists(
    st.sampled_from(["budget_figure", "budget_vague", "district", "now", "just_looking", "name"]), max_size=3
)
findings = st.fixed_dictionaries({}, optional={
    "buying_intent": st.sampled_from(["high", "low"]), "questions": st.integers(0, 9), "gave_contact": st.booleans(),
    "urgency": st.sampled_from(["now", "within_a_year"]), "objections_resolved": st.integers(0, 2),
})  # fmt: skip
talked: SearchStrategy[Fact] = st.one_of(
    st.builds(began, talks, seconds, st.sampled_from([None, VILLA, FLAT])),
    st.builds(
        lambda event, talk, when, told: noted(event, talk, when, told=tuple(told), conversation_kind="text_thread"),
        st.sampled_from(["customer_turn", "our_turn", "price_asked", "viewing_asked"]), talks, seconds, details,
    ),
    st.builds(agreed, st.sampled_from(["budget_discussed", "contact_shared"]), talks, seconds),
    st.builds(lambda talk, when, found: judged(talk, when, **found), talks, seconds, findings),
    st.builds(
        lambda talk, when, took: hung_up(talk, when, duration_s=took, transcript=WORDS),
        talks, seconds, st.integers(0, 900),
    ),
    st.builds(
        lambda place, talk, when, found: analysed(str(place), talk, when, **found),
        st.integers(1, 40), talks, seconds, findings,
    ),
    st.builds(silent, talks, seconds),
)  # fmt: skip
