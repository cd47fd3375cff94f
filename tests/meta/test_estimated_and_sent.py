"""What is counted of a person is what Meta is sent of them: the estimate of match quality promises nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.meta.conversion_event import raw_user_data
from adapters.meta.user_data import hash_user_data
from adapters.postgres.identifiers import counted, usable
from domain.ads.match_quality import KEYS, estimate
from domain.people.hints import PersonHints
from domain.web.events import WebPageViewed
from tests.cast import at

PERSON = "5d6a3c1e-0000-4000-8000-00000000e571"
# fmt: off
SAID: dict[str, tuple[list[str], list[str]]] = {  # kind → what Meta takes, and what it does not
    "email":      (["mona@example.com"],               ["mona", "none@none"]),
    "phone":      (["+201001234567", "01001234567"],   ["12", "0000000000"]),
    "fbp":        (["fb.1.1700000000123.998877"],      ["undefined", "fb.1.1700000000123.abc", "fb.1.17.998877"]),
    "fbc":        (["fb.1.1700000000123.IwAR0x"],      ["IwAR0x", "fb.1.1700000000123.null"]),
    "fbclid":     (["IwAR0xZ"],                        ["undefined", "two words"]),
    "ip":         (["203.0.113.7", "2001:db8::7"],     ["10.1.2.3", "127.0.0.1", "localhost"]),
    "user_agent": (["Mozilla/5.0"],                    ["unknown"]),
    "madid":      (["8f14e45f-ceea-467f-ab6c-9d5c6a3b2a10"], ["00000000-0000-0000-0000-000000000000"]),
    "city":       (["Cairo", "القاهرة"],               ["n/a"]),
    "country":    (["EG", "Egypt"],                    ["Atlantis"]),
    "zip":        (["11835"],                          ["-"]),
    "birth_date": (["1990-05-17"],                     ["soon"]),
    "gender":     (["f"],                              ["7"]),
}
# fmt: on
told = st.fixed_dictionaries(
    {}, optional={kind: st.sampled_from([*good, *junk]) for kind, (good, junk) in SAID.items()}
)


def kinds_of(said: dict[str, str]) -> dict[str, str]:
    hints = PersonHints.model_validate(said)
    return counted(usable(WebPageViewed(page_url="https://www.site.example/", occurred_at=at(0), hints=hints), "EG"))


def sent(said: dict[str, str], kinds: dict[str, str]) -> set[str]:
    """The fields of user data that Meta is sent of somebody of whom these kinds are known."""
    clicks = {kind: {"at_ms": 1_700_000_000_123} for kind in kinds}
    payload = {"action_source": "website", "person_id": PERSON, "region": "EG", "contact": clicks}
    user_data, _dropped = hash_user_data(raw_user_data({kind: said[kind] for kind in kinds}, payload), region="EG")
    return set(user_data)


@settings(max_examples=200)
@given(told)
def test_what_is_estimated_is_what_is_sent(said: dict[str, str]) -> None:
    kinds = kinds_of(said)
    assert set(estimate(kinds).keys) == sent(said, kinds) & {key.field for key in KEYS}


@pytest.mark.parametrize("kind", SAID)
def test_what_meta_does_not_take_counts_for_nothing(kind: str) -> None:
    good, junk = SAID[kind]
    assert [set(kinds_of({kind: one})) for one in good] == [{kind}] * len(good)
    assert [set(kinds_of({kind: one})) for one in junk] == [set()] * len(junk)


def test_a_phone_brings_its_country() -> None:
    said = {"phone": "01001234567"}
    assert "country" in estimate(kinds_of(said)).keys
    assert "country" in sent(said, kinds_of(said))
