"""The estimate of match quality: more is never worse, and it says what would help most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ads.match_quality import FIELDS_OF, KEYS, MESSAGING_KEYS, estimate, of_event
from domain.people.hints import MATCHING

KINDS = sorted({*FIELDS_OF, "page_url", "session"})
CHANNELS = st.sampled_from([None, "website", "phone_call", "crm", "app", *MESSAGING_KEYS])


@pytest.mark.parametrize(
    ("kinds", "channel", "lowest", "highest"),
    [
        ((), None, 0, 0),
        (("name", "city", "country", "user_agent"), None, 0, 0),  # Meta refuses what is that broad
        (("ip", "user_agent"), None, 2, 3.5),
        (("ip", "user_agent", "fbp"), None, 4, 5.5),
        (("email",), None, 5.5, 6.5),
        (("email", "phone"), None, 7.5, 8.5),
        (("email", "phone", "fbclid", "fbp", "ip", "user_agent", "name"), None, 9, 9.8),
        (("phone",), "whatsapp", 0, 0),  # no click, no event
        (("phone", "ctwa_clid"), "whatsapp", 9.5, 10),
        (("lead_id",), "crm", 9, 9.5),
    ],
)
def test_the_score_is_about_what_meta_shows_for_such_events(
    kinds: tuple[str, ...], channel: str | None, lowest: float, highest: float
) -> None:
    assert lowest <= estimate(kinds, channel=channel).score <= highest


@pytest.mark.parametrize(
    ("kinds", "channel", "missing"),
    [
        ((), None, "email"),
        (("email",), None, "fbclid"),
        (("email", "fbc"), None, "phone"),
        (("email", "phone", "fbclid"), None, "fbp"),
        (("email",), "phone_call", "phone"),  # no browser was there to tell more
        (("email", "phone"), "physical_store", "name"),
        (("email", "phone"), "crm", "lead_id"),
        (("phone",), "whatsapp", "ctwa_clid"),
        (("phone",), "messenger", "psid"),
        (("phone", "igsid"), "instagram", "email"),
        (("email", "phone", "birth_date", "first_name"), "chat", "name"),  # half of a name is missing
    ],
)
def test_it_names_what_would_help_most(kinds: tuple[str, ...], channel: str | None, missing: str) -> None:
    assert estimate(kinds, channel=channel).best_missing == missing


def test_nothing_is_missing_where_all_is_known() -> None:
    assert estimate(KINDS).best_missing is None


def test_the_keys_are_metas_and_the_own_id_is_always_there() -> None:
    assert estimate({"name", "fbclid", "page_url"}).keys == ("external_id", "fbc", "fn", "ln")
    assert estimate({"ctwa_clid", "psid", "phone"}, channel="messenger").keys == (
        "country",
        "external_id",
        "page_scoped_user_id",
        "ph",
    )


@given(st.sets(st.sampled_from(KINDS)), st.sampled_from(KINDS), CHANNELS)
def test_to_know_more_is_never_worse(known: set[str], more: str, channel: str | None) -> None:
    before, after = estimate(known, channel=channel), estimate({*known, more}, channel=channel)
    assert 0 <= before.score <= after.score <= 10


@given(st.sets(st.sampled_from(KINDS)), CHANNELS)
def test_the_best_missing_field_adds_at_least_as_much_as_any_other_that_can_be_had(
    known: set[str], channel: str | None
) -> None:
    quality = estimate(known, channel=channel)
    if quality.best_missing is not None:
        assert quality.best_missing not in known
        best = estimate({*known, quality.best_missing}, channel=channel).score
        for kind in ("email", "phone", "name", "birth_date", "city"):
            assert best >= estimate({*known, kind}, channel=channel).score


@given(st.sets(st.sampled_from(KINDS)), CHANNELS)
def test_an_event_already_built_is_judged_alike(known: set[str], channel: str | None) -> None:
    user_data = {field for kind in known for field in FIELDS_OF.get(kind, ())} | {"external_id"}
    assert of_event(user_data, channel=channel) == estimate(known, channel=channel)


@given(st.sets(st.sampled_from(sorted(MATCHING - {"ctwa_clid", "psid", "igsid"})), min_size=1))
def test_who_can_be_matched_scores_above_zero(known: set[str]) -> None:
    assert estimate(known).score > 0


def test_every_weight_has_its_reason_and_the_strongest_come_first() -> None:
    assert all(key.why and 0 < key.chance < 1 for key in KEYS)
    outside = [key.chance for key in KEYS if key.field not in MESSAGING_KEYS.values()]
    assert outside == sorted(outside, reverse=True)
