"""What owners and investors do, for the pasts that Hypothesis makes up."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.shared.fact import Fact
from tests.cast import FLAT, VILLA
from tests.cast_appraisals import APPRAISAL, APPRAISAL_2, appraised, went_on
from tests.cast_investors import can_pay, home, opened, put_by, showed, stepped, viewed

seconds = st.integers(-86_400, 86_400)
flags = st.booleans()
properties = st.sampled_from([VILLA, FLAT, "loft-1", "loft-2"])
listings = st.one_of(
    st.none(),
    st.builds(
        home, st.sampled_from([None, 0, 900, 2_000.5, 5_000_000]), st.sampled_from([None, "Maadi", "Zamalek", "Giza"]),
        st.sampled_from([None, "villa", "flat", "loft"]),
    ),
)  # fmt: skip
appraisals = st.sampled_from([APPRAISAL, APPRAISAL_2])

requests: SearchStrategy[Fact] = st.builds(
    lambda appraisal, when, express, inherited, urgent, questions, value: appraised(
        appraisal, when, express=express, inherited=inherited, financial_urgency=urgent,
        questions_about_selling=questions, estimated_value_minor=value,
    ),
    appraisals, seconds, flags, flags, flags, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 10**12)),
)  # fmt: skip

interested: SearchStrategy[Fact] = st.one_of(
    requests,
    st.builds(went_on, st.sampled_from(["appraisal_ordered", "report_downloaded"]), appraisals, seconds),
    st.builds(viewed, properties, seconds, listings),
    st.builds(viewed, properties, seconds, listings),
    st.builds(put_by, properties, seconds, listings),
    st.builds(opened, st.sampled_from(["calculator", "market_report", "price_history"]), seconds),
    st.builds(showed, st.sampled_from(["roi_calculated", "rental_yield_searched", "bulk_inquiry_made"]), seconds),
    st.builds(can_pay, st.integers(0, 10**7), seconds),
    st.builds(stepped, st.sampled_from(["roi_calculator_used", "second_property_interest"]), seconds),
)
