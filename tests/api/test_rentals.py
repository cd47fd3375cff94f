"""Rentals over HTTP: bookings step by step, Paymob's callbacks, and customers with what they may still bring."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.door_secrets import PAYMOB_SECRET
from adapters.postgres.mapper import Envelope
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from api.reading import encode_cursor
from domain.rentals.events import RentalValueModelFitted
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of, touchpoint
from tests.cast_rentals import worth
from tests.patience import eventually
from tests.paymob.messages import SECRET, signed, transaction

SEARCHES, BOOKINGS, RENTALS = "/api/rentals/searches", "/api/rentals/bookings", "/api/rentals"
CUSTOMERS, MODEL, PAYMOB = "/api/rentals/customers", "/api/rentals/value-model", "/api/webhooks/paymob"
STAY = {"property_id": "chalet-1", "total": 28_000, "nights": 14, "purpose": "family"}


def post(nile: Brokerage, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
    response = nile.producer.post(path, json=body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def fields(nile: Brokerage, answer: dict[str, Any]) -> dict[str, Any]:
    """The fact's own fields, as the log has them."""
    person = nile.subject_of(answer["event_id"])
    items = nile.read(f"/api/people/{person}/journey")["items"]
    found: dict[str, Any] = next(one["fields"] for one in items if one["id"] == answer["event_id"])
    return found


def book(nile: Brokerage, booking: str = "b1", email: str = "mona@example.com", **more: Any) -> str:
    """Confirm a booking; return whose it is."""
    answer = post(nile, f"{BOOKINGS}/{booking}/confirm", **(STAY | {"email": email} | more))
    return nile.subject_of(answer["event_id"])


# Bookings.


def test_a_booking_from_search_to_review(nile: Brokerage, stage: Stage) -> None:
    post(nile, SEARCHES, filters={"pool": True, "beach": None, "bedrooms": 3}, email="mona@example.com")
    post(nile, BOOKINGS, booking_id="b1", property_id="chalet-1", total="28000.00", email="mona@example.com")
    whose = book(nile)
    post(nile, f"{BOOKINGS}/b1/complete")
    post(nile, f"{BOOKINGS}/b1/review", rating=5, comment="lovely")
    post(nile, "/api/rentals/referrals", referral_id="r1", referred="hala@example.com", email="mona@example.com")
    post(nile, "/api/rentals/hosts", property_id="loft-2", permit="TP-1", email="mona@example.com")
    stage.settled()
    (shown,) = nile.read(RENTALS)["items"]
    assert {name: shown[name] for name in ("id", "status", "person_id", "total_minor", "net_minor", "nights", "purpose",
                                           "guest_rating", "currency", "property_id")} == {
        "id": "b1", "status": "completed", "person_id": whose, "total_minor": 2_800_000, "net_minor": 2_800_000,
        "nights": 14, "purpose": "family", "guest_rating": 5, "currency": "EGP", "property_id": "chalet-1",
    }  # fmt: skip
    assert nile.read(f"{RENTALS}/bookings/b1") == shown
    told = nile.read("/api/conversions", person_id=whose, limit=200)["items"]
    steps = [one for one in told if one["category"] == "rental_customer_milestone"]
    assert {(one["event_name"], float(one["value"])) for one in steps} == {
        ("CompleteRegistration", 28_000.0), ("AddPaymentInfo", 33_600.0), ("Purchase", 36_400.0), ("Share", 14_000.0),
        ("StartTrial", 84_000.0),
    }  # fmt: skip
    customer = nile.read(f"{CUSTOMERS}/{whose}")
    assert customer["profile"]["segment"] == "luxury_seeker"
    assert customer["profile"]["revenue"] == 28_000.0
    assert customer["profile"]["hosting"]["tourism_permit"] == "TP-1"
    assert customer["profile"]["prediction"] is None
    assert [one["id"] for one in customer["bookings"]] == ["b1"]


def test_steps_of_a_booking_find_its_guest_without_being_told_who(nile: Brokerage) -> None:
    whose = book(nile)
    answer = post(nile, f"{BOOKINGS}/b1/cancel", refund=7_000, by="guest", reason="ill")
    assert nile.subject_of(answer["event_id"]) == whose
    assert fields(nile, answer)["refund_minor"] == 700_000


@pytest.mark.parametrize("step", ["confirm", "cancel", "complete", "review"])
def test_a_step_is_taken_once(nile: Brokerage, step: str) -> None:
    body = {"confirm": STAY, "cancel": {"refund": 0}, "complete": {}, "review": {"rating": 4}}[step]
    first = post(nile, f"{BOOKINGS}/b1/{step}", **body)
    assert post(nile, f"{BOOKINGS}/b1/{step}", 200, **body)["event_id"] == first["event_id"]
    if body:
        response = nile.producer.post(f"{BOOKINGS}/b1/{step}", json=body | {"email": "other@example.com"})
        assert response.status_code == 409


def test_guest_and_host_leave_a_review_each(nile: Brokerage) -> None:
    post(nile, f"{BOOKINGS}/b1/review", rating=4)
    post(nile, f"{BOOKINGS}/b1/review", rating=2, by="host")
    post(nile, f"{BOOKINGS}/b1/review", 200, rating=4)


def test_a_booking_without_an_id_of_its_own_has_its_requests(nile: Brokerage) -> None:
    answer = post(nile, BOOKINGS, id="web-7", property_id="chalet-1")
    assert fields(nile, answer)["booking_id"] == "web-7"
    answer = post(nile, "/api/rentals/referrals", id="ref-9", email="mona@example.com")
    assert fields(nile, answer)["referral_id"] == "ref-9"


def test_what_comes_without_any_name_is_recorded_all_the_same(nile: Brokerage) -> None:
    post(nile, "/api/rentals/referrals", referral_id="r1", referred="hala@example.com")
    post(nile, f"{BOOKINGS}/unheard-of/cancel", reason="changed my mind")
    post(nile, f"{BOOKINGS}/unheard-of/review", rating=1, text="never came")
    post(nile, SEARCHES)


def test_a_search_keeps_names_of_filters_and_whether_it_was_local(nile: Brokerage) -> None:
    filters = {"bedrooms": 2, "pool": False, "area": "", "wifi": True}
    answer = post(nile, SEARCHES, filters=filters, area="Maadi", home_area=" maadi ", max_price=1_800, id="s1")
    told = fields(nile, answer)
    assert told["filters"] == ["bedrooms", "wifi"]
    assert (told["local"], told["price_max_minor"]) == (True, 180_000)
    assert "home_area" not in told
    assert post(nile, SEARCHES, filters=["pool"])["status"] == "accepted"
    assert post(nile, SEARCHES, filters=["pool"])["status"] == "accepted"  # each a search of its own


def test_money_and_dates_in_older_spellings(nile: Brokerage) -> None:
    body = {"listing_id": "chalet-1", "total_amount": "1500.50", "check_in_date": "2026-12-01",
            "check_out_date": "2026-12-04", "guest_count": 2, "property_type": "chalet"}  # fmt: skip
    told = fields(nile, post(nile, f"{BOOKINGS}/b1/confirm", **body))
    assert (told["property_id"], told["total_minor"], told["guests"]) == ("chalet-1", 150_050, 2)
    assert (told["check_in"], told["check_out"]) == ("2026-12-01", "2026-12-04")
    assert told["listing"]["property_type"] == "chalet"
    priced = fields(nile, post(nile, f"{BOOKINGS}/b3/confirm", property_id="chalet-1", value=12.5))
    assert priced["total_minor"] == 1_250
    cents = fields(nile, post(nile, f"{BOOKINGS}/b2/confirm", property_id="chalet-1", total_cents=99))
    assert cents["total_minor"] == 99


# fmt: off
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (f"{BOOKINGS}/b1/confirm", {"total": 5},                                                 "property_id"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c"},                                         "total_minor"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 0.001},                         "total"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": -1},                            "total_minor"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 10**30},                        "total"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 1, "nights": 0},                "nights"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 1, "check_in": "soon"},         "check_in"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 1, "booking_id": "b2"},         "booking_id"),
    (f"{BOOKINGS}/b1/confirm", {"property_id": "c", "total": 1, "listing": 7},               "listing"),
    (f"{BOOKINGS}/b1/review",  {"rating": 6},                                                "rating"),
    (f"{BOOKINGS}/b1/review",  {},                                                           "rating"),
    (f"{BOOKINGS}/b1/review",  {"rating": 5, "by": "neighbour"},                             "by"),
    (f"{BOOKINGS}/b1/cancel",  {"refund": "much"},                                           "refund"),
    (f"{BOOKINGS}/%20/cancel", {},                                                           "booking_id"),
    (BOOKINGS,                 {"property_id": "c"},                                         "booking_id"),
    (SEARCHES,                 {"filters": "pool"},                                          "filters"),
    (SEARCHES,                 {"filters": [""]},                                            "filters.0"),
    (SEARCHES,                 {"filters": ["pool"], "home_area": 5},                        "home_area"),
    (SEARCHES,                 {"filters": ["pool"], "colour": "red"},                       "colour"),
    ("/api/rentals/referrals", {},                                                           "referral_id"),
    ("/api/rentals/hosts",     {},                                                           "id"),
    ("/api/rentals/hosts",     {"property_id": "c", "response_rate": 2},                     "response_rate"),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
def test_a_wrong_body_names_its_field(busy: Brokerage, path: str, body: dict[str, Any], field: str) -> None:
    response = busy.producer.post(path, json=body)
    assert response.status_code == 422, response.text
    assert field in fields_of(response)


@pytest.mark.parametrize("path", [SEARCHES, BOOKINGS, f"{BOOKINGS}/b1/confirm", "/api/rentals/hosts"])
def test_a_readers_key_may_not_post(busy: Brokerage, path: str) -> None:
    assert busy.reader.post(path, json={}).status_code == 403


# Lists.


@pytest.fixture(scope="module")
def full(stage: Stage) -> Brokerage:
    """A brokerage with five guests and seven bookings."""
    full = stage.brokerage()
    for nth in range(5):
        book(full, f"b{nth}", f"guest{nth}@example.com", total=100 + 1_000 * nth, property_id=f"home-{nth % 2}")
    book(full, "b5", "guest0@example.com", purpose="business")
    post(full, f"{BOOKINGS}/b1/cancel")
    post(full, BOOKINGS, booking_id="b6", email="guest0@example.com")
    stage.settled()
    return full


def paged(brokerage: Brokerage, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(20):
        answer = brokerage.read(path, limit=limit, **query, **({"cursor": cursor} if cursor else {}))
        items += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return items
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
@pytest.mark.parametrize("path", [RENTALS, CUSTOMERS])
def test_pages_of_any_size_make_the_same_list(full: Brokerage, path: str, limit: int) -> None:
    whole = full.read(path, limit=200)["items"]
    assert len(whole) == {RENTALS: 7, CUSTOMERS: 5}[path]
    assert paged(full, path, limit) == whole


def test_bookings_are_filtered(full: Brokerage) -> None:
    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in full.read(RENTALS, **query)["items"]]

    assert ids() == ["b6", "b5", "b4", "b3", "b2", "b1", "b0"]
    assert (ids(status="cancelled"), ids(status="initiated"), ids(purpose="business")) == (["b1"], ["b6"], ["b5"])
    assert ids(property_id="home-1") == ["b3", "b1"]
    whose = full.read(RENTALS, limit=200)["items"][-1]["person_id"]
    assert ids(person_id=whose) == ["b6", "b5", "b0"]
    assert ids(**{"from": ago(3_600)}) == ["b5", "b4", "b3", "b2", "b1", "b0"]
    assert ids(to=ago(3_600)) == []


def test_customers_are_filtered(full: Brokerage) -> None:
    everyone = full.read(CUSTOMERS)["items"]
    assert {one["segment"] for one in everyone} == {"new_customer", "luxury_seeker", "business_traveler"}
    luxury = full.read(CUSTOMERS, segment="luxury_seeker")["items"]
    assert [one for one in everyone if one["segment"] == "luxury_seeker"] == luxury
    assert len(full.read(CUSTOMERS, booked=False)["items"]) == 1
    assert full.read(CUSTOMERS, hosts=True)["items"] == []


# fmt: off
BAD_QUESTIONS: list[tuple[str, str, str]] = [
    (RENTALS, "status", "lost"), (RENTALS, "person_id", "mona"), (RENTALS, "from", "yesterday"),
    (RENTALS, "limit", "0"),
    (RENTALS, "cursor", "x"), (RENTALS, "cursor", encode_cursor(1, 2)), (RENTALS, "purpose", "fun"),
    (RENTALS, "property_id", "\x00"), (RENTALS, "colour", "red"), (CUSTOMERS, "hosts", "perhaps"),
    (CUSTOMERS, "cursor", encode_cursor(1)), (CUSTOMERS, "segment", "\x00"),
]
# fmt: on


@pytest.mark.parametrize(("path", "name", "value"), BAD_QUESTIONS)
def test_a_wrong_filter_is_named(full: Brokerage, path: str, name: str, value: str) -> None:
    response = full.reader.get(path, params={name: value})
    assert response.status_code == 422, response.text
    assert fields_of(response)[0].split(".")[0] == name


@pytest.mark.parametrize("number", [2**62, -(2**62), 0])
def test_a_cursor_from_beyond_a_list_still_makes_a_page(full: Brokerage, number: int) -> None:
    for path, place in ((RENTALS, (number,)), (CUSTOMERS, (number, str(uuid4())))):
        assert full.reader.get(path, params={"cursor": encode_cursor(*place)}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [f"{RENTALS}/bookings/none", f"{RENTALS}/bookings/%00", f"{CUSTOMERS}/00000000-0000-4000-8000-000000000009"],
)
def test_what_is_not_there_is_not_found(full: Brokerage, path: str) -> None:
    response = full.reader.get(path)
    assert response.status_code == 404
    assert problem_of(response)["detail"]


def test_nobody_sees_anothers_rentals(full: Brokerage, delta: Brokerage) -> None:
    whose = full.read(RENTALS)["items"][0]["person_id"]
    assert delta.read(RENTALS)["items"] == delta.read(CUSTOMERS)["items"] == []
    assert delta.reader.get(f"{RENTALS}/bookings/b0").status_code == 404
    assert delta.reader.get(f"{CUSTOMERS}/{whose}").status_code == 404


# What they may still bring.


def fit(stage: Stage, brokerage_id: UUID, pounds: float) -> None:
    """Put a fit into the log, as a worker would."""
    fact = RentalValueModelFitted(model=worth(pounds), occurred_at=datetime.now(UTC))
    with connect(stage.url, "masar_projector") as connection:
        with connection.transaction():
            append_in(connection, [Envelope(uuid4(), 1, fact, brokerage_id)])
        flush(connection)


def test_before_the_first_fit_there_is_no_model(delta: Brokerage) -> None:
    assert delta.read(MODEL) == {"fitted": False, "enough_data": False}


def test_a_fitted_model_shows_on_every_page(nile: Brokerage, stage: Stage) -> None:
    fit(stage, nile.brokerage_id, 12_000)
    whose = book(nile, total=1_000, nights=2)
    stage.settled()
    shown = nile.read(f"{CUSTOMERS}/{whose}")["profile"]["prediction"]
    assert (shown["status"], shown["value_12m"], shown["ltv_score"], shown["ltv_band"]) == (
        "personal",
        12_000.0,
        7,
        "high",
    )
    (listed,) = nile.read(CUSTOMERS)["items"]
    assert (listed["predicted_ltv"], listed["ltv_score"], listed["ltv_band"]) == (12_000.0, 7, "high")
    assert nile.read(f"/api/people/{whose}")["predicted_ltv"] == 12_000.0
    told = nile.read("/api/conversions", person_id=whose, event_name="Purchase")["items"]
    assert [(one["category"], float(one["value"])) for one in told] == [("high_ltv_rental_customer", 3_600.0)]
    model = nile.read(MODEL)
    assert (model["fitted"], model["enough_data"], model["customers"], model["kind"]) == (True, True, 200, "mbg")
    assert "draws" not in model


def test_who_booked_before_the_first_fit_has_a_value_at_once(nile: Brokerage, stage: Stage) -> None:
    whose = book(nile, total=1_000, nights=2)
    stage.settled()
    fit(stage, nile.brokerage_id, 12_000)
    eventually(lambda: nile.read(f"/api/people/{whose}")["predicted_ltv"] == 12_000.0)
    (listed,) = nile.read(CUSTOMERS)["items"]
    assert (listed["predicted_ltv"], listed["ltv_score"], listed["ltv_band"]) == (12_000.0, 7, "high")


# Paymob.


@pytest.fixture
def merchant(stage: Stage, nile: Brokerage) -> tuple[Brokerage, str]:
    """A brokerage that takes payments by Paymob, and its short name."""
    slug = stage.owner.execute(
        "SELECT slug FROM auth.brokerages WHERE brokerage_id = %s", (nile.brokerage_id,)
    ).fetchone()
    assert slug is not None
    with connect(stage.url, "masar_registry") as registry:
        SecretStore(lambda: registry, MasterKey.parse(MASTER_KEY)).put(nile.brokerage_id, PAYMOB_SECRET, SECRET)
    return nile, str(slug[0])


def call_back(stage: Stage, path: str, told: dict[str, Any], given: str | None = None, **query: str) -> httpx.Response:
    """Call as Paymob does: without any key."""
    asked = {**query, "hmac": signed(told) if given is None else given}
    return stage.client().post(path, params=asked, json={"type": "TRANSACTION", "obj": told})


def payments(brokerage: Brokerage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = brokerage.read("/api/events", kind="rentals.paid.v1")["items"]
    return found


def test_a_payment_is_recorded_once_for_the_guest(stage: Stage, merchant: tuple[Brokerage, str]) -> None:
    nile, slug = merchant
    whose = book(nile)
    first = call_back(stage, f"{PAYMOB}/{slug}", transaction())
    again = call_back(stage, PAYMOB, transaction(), brokerage=slug)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["status"], again.json()["status"]) == ("accepted", "duplicate")
    (paid,) = payments(nile)
    assert paid["subject_id"] == whose
    assert paid["fields"] == paid["fields"] | {
        "booking_id": "b1", "amount_minor": 50_000, "method": "card", "provider": "paymob", "transaction_id": "70001",
    }  # fmt: skip
    refund = transaction(id=70002, is_refund=True, has_parent_transaction=True, parent_transaction=70001)
    assert call_back(stage, f"{PAYMOB}/{slug}", refund).json()["status"] == "accepted"
    stage.settled()
    (shown,) = nile.read(RENTALS)["items"]
    assert (shown["paid_minor"], shown["refunded_minor"], shown["net_minor"]) == (50_000, 50_000, 2_750_000)
    assert (shown["payment_method"], shown["instalments"]) == ("card", None)
    log = stage.owner.execute(
        "SELECT string_agg(convert_from(state, 'UTF8'), '') FROM log.masar_events WHERE brokerage_id = %s",
        (nile.brokerage_id,),
    ).fetchone()
    assert log is not None
    assert "2346" not in log[0]


def test_a_booking_shows_how_it_was_paid_last(nile: Brokerage, stage: Stage) -> None:
    whose = book(nile)
    stage.settled()
    (unpaid,) = nile.read(RENTALS)["items"]
    assert (unpaid["payment_method"], unpaid["instalments"]) == (None, None)
    for nth, more in enumerate(({"method": "card"}, {"method": "valu", "instalments": 12})):
        paid = {"booking_id": "b1", "amount_minor": 50_000, **more}
        nile.post(touchpoint("rentals.paid.v1", paid, occurred_at=ago(60 - nth)))
    stage.settled()
    (listed,) = nile.read(RENTALS)["items"]
    assert (listed["payment_method"], listed["instalments"]) == ("valu", 12)
    assert "state" not in listed
    assert nile.read(f"{RENTALS}/bookings/b1") == listed
    assert nile.read(f"{CUSTOMERS}/{whose}")["bookings"] == [listed]


def test_who_had_nothing_to_do_with_rentals_has_no_profile_of_them(nile: Brokerage, stage: Stage) -> None:
    looked = nile.verdict(touchpoint(person={"email": "looks@example.com"}))
    booked = book(nile)
    stage.settled()
    assert nile.read(f"/api/people/{nile.subject_of(looked['event_id'])}")["rentals"] is None
    assert nile.read(f"/api/people/{booked}")["rentals"]["bookings"] == 1


@pytest.mark.parametrize("given", ["0" * 128, "not hex", "é"])
def test_a_wrong_signature_is_refused_and_nothing_is_recorded(
    stage: Stage, merchant: tuple[Brokerage, str], given: str
) -> None:
    nile, slug = merchant
    assert call_back(stage, f"{PAYMOB}/{slug}", transaction(), given).status_code == 403
    forged = transaction(amount_cents=1)
    assert call_back(stage, f"{PAYMOB}/{slug}", forged, signed(transaction())).status_code == 403
    assert call_back(stage, f"{PAYMOB}/{slug}", forged, signed(forged, "another secret")).status_code == 403
    assert stage.client().post(f"{PAYMOB}/{slug}", json={"obj": transaction()}).status_code == 401
    assert nile.producer.post(f"{PAYMOB}/{slug}", json={"obj": transaction()}).status_code == 403
    assert payments(nile) == []


def test_a_brokerage_without_a_secret_takes_nothing(stage: Stage, delta: Brokerage) -> None:
    for path in (f"{PAYMOB}/nobody", PAYMOB, f"{PAYMOB}/{'x' * 500}"):
        assert call_back(stage, path, transaction()).status_code == 403
    assert payments(delta) == []


def test_what_moves_no_money_is_heard_and_not_recorded(stage: Stage, merchant: tuple[Brokerage, str]) -> None:
    nile, slug = merchant
    for told in (transaction(pending=True), transaction(success=False), transaction(None)):
        response = call_back(stage, f"{PAYMOB}/{slug}", told)
        assert (response.status_code, response.json()["status"]) == (200, "ignored")
    token = stage.client().post(f"{PAYMOB}/{slug}?hmac=0", json={"type": "TOKEN", "obj": {"masked_pan": "2346"}})
    assert (token.status_code, token.json()["status"]) == (200, "ignored")
    assert payments(nile) == []


# fmt: off
STRANGE: list[tuple[Any, str]] = [
    ([],                                            "obj"),
    ({"obj": 7},                                    "obj"),
    ({"obj": {}},                                   "obj.amount_cents"),
    ({"obj": transaction() | {"source_data": None}}, "obj.source_data.pan"),
]
# fmt: on


@pytest.mark.parametrize(("body", "field"), STRANGE)
def test_a_strange_callback_names_what_is_wrong(
    stage: Stage, merchant: tuple[Brokerage, str], body: Any, field: str
) -> None:
    response = stage.client().post(f"{PAYMOB}/{merchant[1]}", params={"hmac": "0"}, json=body)
    assert response.status_code == 422, response.text
    assert fields_of(response) == [field]


@pytest.mark.parametrize("more", [{"amount_cents": "a lot"}, {"amount_cents": -5}, {"currency": "pounds"}])
def test_a_signed_callback_that_cannot_be_is_refused(
    stage: Stage, merchant: tuple[Brokerage, str], more: dict[str, Any]
) -> None:
    response = call_back(stage, f"{PAYMOB}/{merchant[1]}", transaction(**more))
    assert response.status_code == 422, response.text
    assert payments(merchant[0]) == []
