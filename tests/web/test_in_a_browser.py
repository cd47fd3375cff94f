"""The tracker on the example page, in a real browser, with the API running: what a visitor does arrives once."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from domain.conversations.events import ConversationEventTracked, ConversationStarted
from domain.properties.events import PropertySaved, PropertyViewed
from domain.shared.fact import Touchpoint
from domain.shared.personal import opened
from domain.tours.events import TourActed, TourCompleted, TourRoomVisited, TourStarted
from domain.web.events import WebPageViewed
from tests.api.stage import Brokerage, Stage
from tests.api.unsealed import hints_of, stored
from tests.patience import eventually
from tests.web.browser import Browser, Page

PIXEL = """
  window.told = []; window.fbq = function () { told.push(Array.from(arguments)); };
  window.sent = [];
  {
    const fetching = window.fetch, beacon = navigator.sendBeacon.bind(navigator);
    window.fetch = (...how) => { sent.push(how[1].body); return fetching(...how); };
    navigator.sendBeacon = (...how) => { sent.push(how[1]); return beacon(...how); };
  }
"""
"""Stands where Meta's pixel would and notes what it is told, and what leaves the page."""
QUEUE = "JSON.parse(localStorage.getItem('_masar_queue') || '[]')"
SENT = "sent.length"
OTHER = "0a11ce00-0000-4000-8000-000000000007"


@dataclass
class Visit:
    """A visitor on the example page, and what of it is in the log."""

    page: Page
    stage: Stage
    house: Brokerage
    url: str

    def open(self, **query: str) -> None:
        """Open the page with its tracker loaded."""
        self.page.open(f"{self.url}&{urlencode(query)}")
        eventually(lambda: self.page.run("Boolean(window.masar && masar.version)"))

    def facts(self, at_least: int) -> list[Touchpoint]:
        """Return the facts in the log once so many are there."""
        return eventually(lambda: facts if len(facts := stored(self.stage, self.house)) >= at_least else None)

    def all_taken(self, number: int) -> list[Touchpoint]:
        """Return the facts once the browser has nothing left to send, and check their number."""
        eventually(lambda: self.page.run(f"{QUEUE}.length") == 0)
        facts = stored(self.stage, self.house)
        assert len(facts) == number
        return facts

    @property
    def pixel(self) -> list[Any]:
        """What the pixel was told."""
        told: list[Any] = self.page.run("told")
        return told


@pytest.fixture
def visiting(browser: Browser, stage: Stage, nile: Brokerage, site: str) -> Any:
    """Lets a new visitor come to the example page; what is given runs before the page's own scripts."""
    key = stage.key(nile.brokerage_id, "browser", origins=[site])
    url = f"{site}/index.html?{urlencode({'key': key, 'endpoint': stage.base})}"

    @contextmanager
    def come(before: str = "") -> Iterator[Visit]:
        with browser.page(PIXEL + before) as page:
            yield Visit(page, stage, nile, url)

    return come


def kinds(facts: list[Touchpoint]) -> list[type[Touchpoint]]:
    return [type(fact) for fact in facts]


def shared_id(fact: Touchpoint, pixel: list[Any], name: str) -> None:
    """Check that the pixel and the fact tell of one event, under one id."""
    assert fact.browser_event is not None
    assert fact.browser_event.name == name
    assert [call[3] for call in pixel if call[1] == name] == [{"eventID": fact.browser_event.id}]


def test_a_tour_that_was_walked_is_in_the_log_once(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        for step in ("tour", "kitchen", "zoom", "bedroom", "close"):
            visit.page.click(step)
        facts = visit.facts(6)
        assert kinds(facts) == [PropertyViewed, TourStarted, TourActed, TourRoomVisited, TourRoomVisited, TourCompleted]
        assert visit.all_taken(6) == facts
        _, started, acted, kitchen, bedroom, completed = facts
        assert [kitchen.room, bedroom.room, acted.room, acted.action] == ["kitchen", "bedroom", "kitchen", "zoom"]
        assert {started.session_id, acted.session_id, kitchen.session_id, completed.session_id} == {bedroom.session_id}
        assert (started.property_id, started.tour_kind, started.rooms_available) == ("villa-7", "virtual_3d", 5)
        assert kitchen.left_at <= bedroom.entered_at <= bedroom.left_at <= completed.ended_at
        assert kitchen.dwell_s == pytest.approx((kitchen.left_at - kitchen.entered_at).total_seconds())
        shared_id(started, visit.pixel, "TourStarted")
        shared_id(completed, visit.pixel, "TourCompleted")
        for fact in facts:
            assert fact.unverified
            assert hints_of(fact).ip == "127.0.0.1"
            assert "Chrome" in (hints_of(fact).user_agent or "")
            assert str(opened(fact.page_url)).startswith(visit.url)
        assert len({hints_of(fact).visitor_id for fact in facts}) == 1


def test_a_save_reaches_pixel_and_server_under_one_id(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.click("save")
        viewed, saved = visit.facts(2)
        assert isinstance(saved, PropertySaved)
        assert isinstance(viewed, PropertyViewed)
        assert (saved.property_id, saved.saved_from) == (viewed.property_id, "listing") == ("villa-7", "listing")
        for fact in (viewed, saved):
            assert fact.listing is not None
            assert (fact.listing.price_minor, fact.listing.currency) == (1_250_000_000, "EGP")
        villa = {"content_ids": ["villa-7"], "content_type": "home_listing"}
        assert [call[:3] for call in visit.pixel] == [
            ["track", "ViewContent", villa],
            ["track", "AddToWishlist", villa],
        ]
        shared_id(viewed, visit.pixel, "ViewContent")
        shared_id(saved, visit.pixel, "AddToWishlist")


@pytest.mark.parametrize("page", ["listing", "search", "calculator", "comparison", "guide", "market_report", "other"])
def test_every_kind_of_page_can_be_told(visiting: Any, page: str) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.run(f"masar('page', '{page}')")
        viewed = visit.facts(2)[1]
        assert isinstance(viewed, WebPageViewed)
        assert viewed.page == page
        if page == "search":
            shared_id(viewed, visit.pixel, "Search")
        else:
            assert viewed.browser_event is None


def test_a_web_chat_is_told_with_its_words(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.click("chat")
        visit.page.click("say")
        _, started, said = visit.facts(3)
        assert isinstance(started, ConversationStarted)
        assert isinstance(said, ConversationEventTracked)
        assert said.session_id == started.session_id
        assert (said.event, opened(said.text)) == ("customer_turn", "Is it near the school?")
        assert (started.conversation_kind, started.property_id) == ("web_chat", "villa-7")
        assert started.origin == said.origin == "chat"
        shared_id(started, visit.pixel, "Contact")


def test_without_a_pixel_nothing_claims_to_be_its_event(visiting: Any) -> None:
    with visiting("delete window.fbq;") as visit:
        visit.open(consent="granted")
        visit.page.click("save")
        assert [fact.browser_event for fact in visit.facts(2)] == [None, None]


def test_before_consent_nothing_leaves_and_nothing_is_kept(visiting: Any) -> None:
    with visiting() as visit:
        visit.open()
        visit.page.click("save")
        assert visit.page.run(SENT) == 0
        assert visit.page.run("[document.cookie, localStorage.length, told.length]") == ["", 0, 0]
        before = datetime.fromisoformat(visit.page.run("new Date().toISOString()"))
        visit.page.click("yes")
        viewed, saved = visit.facts(2)
        assert kinds([viewed, saved]) == [PropertyViewed, PropertySaved]
        assert viewed.occurred_at <= saved.occurred_at <= before  # when it happened, not when it was allowed
        shared_id(saved, visit.pixel, "AddToWishlist")
        assert visit.page.run("document.cookie").startswith("_masar=")


def test_after_no_nothing_is_sent_and_what_was_kept_is_gone(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.all_taken(1) if visit.facts(1) else None
        visit.page.click("no")
        assert visit.page.run("[document.cookie, localStorage.length]") == ["", 0]
        for step in ("save", "tour", "kitchen", "close"):
            visit.page.click(step)
        visit.page.click("yes")  # changed their mind: from now on, and not for what was done meanwhile
        visit.page.click("chat")
        visit.page.click("save")
        eventually(lambda: PropertySaved in kinds(stored(visit.stage, visit.house)))
        eventually(lambda: visit.page.run(f"{QUEUE}.length") == 0)
        assert Counter(kinds(stored(visit.stage, visit.house)))[PropertySaved] == 1
        assert TourStarted not in kinds(stored(visit.stage, visit.house))


@pytest.mark.parametrize("signal", ["globalPrivacyControl', {value: true", "doNotTrack', {value: '1'"])
def test_a_browser_that_asks_not_to_be_tracked_is_not(visiting: Any, signal: str) -> None:
    with visiting(f"Object.defineProperty(navigator, '{signal}}});") as visit:
        visit.open(consent="granted")
        visit.page.click("save")
        visit.page.click("yes")
        visit.page.click("save")
        assert visit.page.run(f"[{SENT}, document.cookie, localStorage.length, told.length]") == [0, "", 0, 0]


def test_what_was_done_offline_arrives_once_when_the_network_is_back(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.all_taken(1) if visit.facts(1) else None
        visit.page.connected(False)
        visit.page.click("save")
        visit.page.click("tour")
        waiting = visit.page.run(f"{QUEUE}.map(item => item.kind)")
        assert waiting == ["properties.saved.v1", "tours.started.v1"]
        visit.page.connected(True)
        visit.facts(3)
        assert Counter(kinds(visit.all_taken(3))) == {PropertyViewed: 1, PropertySaved: 1, TourStarted: 1}


def test_an_answer_lost_on_the_way_makes_no_second_fact(visiting: Any) -> None:
    lost = """
        const noted = window.fetch;
        window.fetch = (...how) => noted(...how).then(answer => {
          if (sent.length === 1) throw new TypeError('lost');
          return answer;
        });
    """
    with visiting(lost) as visit:
        visit.open(consent="granted")
        visit.facts(1)
        visit.all_taken(1)
        first, again = (json.loads(body)["touchpoints"][0]["id"] for body in visit.page.run("sent"))
        assert first == again


def test_leaving_in_the_middle_of_a_room_is_told_by_a_beacon(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.click("tour")
        visit.facts(2)
        visit.page.click("kitchen")
        visit.page.leave()  # the room ends only now, and with it the page
        facts = visit.facts(3)
        assert kinds(facts) == [PropertyViewed, TourStarted, TourRoomVisited]
        visit.open(consent="granted")  # whose answer nobody heard is sent again, and counts once
        visit.facts(4)
        assert Counter(kinds(visit.all_taken(4)))[TourRoomVisited] == 1


AN_HOUR_AGO = """
  const Real = window.Date;
  window.shift = -3600000;
  window.Date = class extends Real { constructor(...how) { how.length ? super(...how) : super(Real.now() + shift); } };
"""


def hidden(visit: Visit, is_so: bool) -> None:
    """Let the page believe that nobody looks at it, or that somebody does again."""
    state = "hidden" if is_so else "visible"
    told = f"Object.defineProperty(document, 'visibilityState', {{value: '{state}', configurable: true}})"
    visit.page.run(f"{told}; document.dispatchEvent(new Event('visibilitychange'))")


def test_the_clock_of_a_room_stands_still_while_nobody_looks(visiting: Any) -> None:
    with visiting(AN_HOUR_AGO) as visit:
        visit.open(consent="granted")
        visit.page.click("tour")
        visit.page.click("kitchen")
        hidden(visit, True)
        visit.page.run("shift = 0")
        hidden(visit, False)
        visit.page.click("bedroom")
        kitchen = visit.facts(3)[2]
        assert isinstance(kitchen, TourRoomVisited)
        assert (kitchen.left_at - kitchen.entered_at).total_seconds() >= 3600
        assert kitchen.dwell_s < 1800


def test_a_room_whose_page_was_ended_while_hidden_is_told_by_the_next(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.click("tour")
        visit.page.click("kitchen")
        hidden(visit, True)
        visit.facts(2)
        kept = visit.page.run("localStorage.getItem('_masar_room')")
        visit.page.leave()  # a page that is left tells the room itself: let the next find what an ended one leaves
        visit.facts(3)
        visit.open(consent="granted")
        visit.facts(4)
        visit.all_taken(4)
        visit.page.run(
            f"localStorage.setItem('_masar_room', {json.dumps(kept.replace(json.loads(kept)['id'], OTHER))})"
        )
        visit.open(consent="granted")
        facts = visit.facts(6)
        assert Counter(kinds(facts))[TourRoomVisited] == 2
        assert visit.page.run("localStorage.getItem('_masar_room')") is None


def test_an_answer_given_before_the_start_holds(visiting: Any) -> None:
    with visiting("window.masar = function () { (masar.q = masar.q || []).push(arguments); }; masar('consent', false);"
                  ) as visit:  # fmt: skip
        visit.open(consent="granted")
        visit.page.click("save")
        assert visit.page.run(f"[{SENT}, document.cookie, localStorage.length, told.length]") == [0, "", 0, 0]


def test_an_advertisement_and_the_pixels_cookies_are_told_and_a_click_once(visiting: Any) -> None:
    jar = ("_fbp=fb.0.1772366400000.42;path=/", "_fbc=fb.0.1772366400001.IwAR1;path=/")
    baked = "".join(f"document.cookie = '{cookie}';" for cookie in jar)
    with visiting(f"try {{ {baked} }} catch (blank) {{}}") as visit:
        visit.open(consent="granted", fbclid="IwAR1", ctwa_clid="Aff-1", utm_source="facebook", utm_campaign="spring")
        visit.page.click("save")
        first, later = visit.facts(2)
        told = hints_of(first)
        assert (told.fbp, told.fbc) == ("fb.0.1772366400000.42", "fb.0.1772366400001.IwAR1")
        assert (told.fbclid, told.ctwa_clid) == ("IwAR1", "Aff-1")
        assert first.utm is not None
        assert (first.utm.source, first.utm.campaign) == ("facebook", "spring")
        assert "fbclid" in first.hint_kinds
        assert "fbclid" not in later.hint_kinds  # its first sight is the click
        visit.open(consent="granted")
        assert hints_of(visit.facts(3)[2]).fbclid == "IwAR1"  # remembered on the next page
        assert hints_of(visit.facts(3)[2]).visitor_id == told.visitor_id


def test_who_the_page_says_it_is_goes_along(visiting: Any) -> None:
    with visiting() as visit:
        visit.open(consent="granted")
        visit.page.run("masar('identify', {email: 'mona@example.com', first_name: 'منى'})")
        visit.page.click("save")
        told = hints_of(visit.facts(2)[1])
        assert (told.email, told.first_name) == ("mona@example.com", "منى")


NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }});"
BROKEN_PIXEL = "window.fbq = function () { throw new Error('theirs'); };"


@pytest.mark.parametrize("trouble", [NO_STORAGE, BROKEN_PIXEL])
def test_trouble_around_it_stops_neither_page_nor_tracker(visiting: Any, trouble: str) -> None:
    with visiting("window.broken = []; window.onerror = (...what) => { broken.push(what[0]); };" + trouble) as visit:
        visit.open(consent="granted")
        for call in ("'nonsense'", "'tour.start'", "'tour.room'", "", "'save', undefined", "'identify', null", "{}"):
            assert visit.page.run(f"masar({call})") is None
        visit.page.click("save")
        eventually(lambda: PropertySaved in kinds(stored(visit.stage, visit.house)))
        assert visit.page.run("broken") == []


def test_a_wrong_key_troubles_nobody(visiting: Any) -> None:
    with visiting("window.broken = []; window.onunhandledrejection = () => { broken.push(1); };") as visit:
        visit.url = visit.url.replace("masar_browser_", "masar_browser_0")
        visit.open(consent="granted")
        eventually(lambda: visit.page.run(SENT) >= 1)
        assert visit.page.run(f"{QUEUE}.length") == 1
        assert visit.page.run("broken") == []
        assert stored(visit.stage, visit.house) == []
