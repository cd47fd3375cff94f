"""Once a person's key is gone their history still reads, without them."""

import pytest

from tests.api.stage import Brokerage, Stage, touchpoint
from tests.api.test_people import ANNA

LEAD = touchpoint("leads.form_submitted.v1", {"location": "Maadi"}, person=ANNA, page_url="https://example.com/?a=1")


@pytest.fixture
def erased(stage: Stage, nile: Brokerage) -> str:
    """A person who left a form and whose key and identities were destroyed, before anyone opened anything."""
    event_id = nile.verdict(LEAD)["event_id"]
    stage.settled()
    subject = nile.subject_of(event_id)
    stage.owner.execute("DELETE FROM registry.identities WHERE subject_id = %s", (subject,))
    stage.owner.execute(
        "UPDATE registry.subjects SET wrapped_key = NULL, erased_at = now() WHERE subject_id = %s", (subject,)
    )
    return subject


def test_their_fields_read_as_erased(nile: Brokerage, erased: str) -> None:
    person = nile.read(f"/api/people/{erased}")
    assert set(person["contact"]) >= {"email", "phone", "name"}
    assert all(value == {"erased": True} for value in person["contact"].values())
    fields = nile.read(f"/api/people/{erased}/journey")["items"][0]["fields"]
    assert (fields["hints"], fields["page_url"]) == ({"erased": True}, {"erased": True})
    assert fields["location"] == "Maadi"


def test_a_repeat_counts_as_a_duplicate_whatever_it_says(nile: Brokerage, erased: str) -> None:
    assert nile.verdict(LEAD)["status"] == "duplicate"
    assert nile.verdict({**LEAD, "payload": {"location": "Giza"}})["status"] == "duplicate"


def test_coming_again_they_are_somebody_new(stage: Stage, nile: Brokerage, erased: str) -> None:
    again = nile.subject_of(nile.verdict(touchpoint("leads.form_submitted.v1", person=ANNA))["event_id"])
    assert again != erased
    stage.settled()
    assert nile.read(f"/api/people/{again}")["contact"] == ANNA
    assert nile.read(f"/api/people/{erased}")["contact"]["email"] == {"erased": True}
