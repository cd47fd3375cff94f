"""Reads what a value model learns from: a brokerage's log of rentals, folded customer by customer."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.postgres.facts import OF_BROKERAGE, readable
from adapters.postgres.work import as_app
from application.ports.lifetime_value import Booked, History
from application.ports.rental_history import RentalHistory
from domain.brokerage.rulebook import House
from domain.catalogue import kind_of
from domain.people.links import LINK_FACTS, ends, people_of, standing
from domain.rentals import customer as customers
from domain.rentals.customer import Customer
from domain.shared.clock import moment
from domain.shared.fact import Fact, Recorded, Touchpoint
from projections.timeline import RULE_FACTS, Timeline

FARTHEST = 2**62
AT_ONCE = 5_000
"""Rows fetched at a time."""


class LogOfRentals:
    """The RentalHistories of a worker's connection, which may become `masar_app`; reads as the brokerage.

    Test traffic teaches nothing. What cannot be read is passed over: the read models say so.
    """

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def of(self, brokerage_id: UUID) -> RentalHistory:
        """Return every customer who has booked, by the log as it is now and by who is whom now."""
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            rules = Timeline()
            rules.learn(self._read(connection, brokerage_id, RULE_FACTS))
            links = list(self._read(connection, brokerage_id, LINK_FACTS))
            subjects = {one for link in links for one in ends(link.fact)}
            person = people_of(standing(links), subjects)
            known: dict[UUID, Customer] = {}
            for fact in self._read(connection, brokerage_id, tuple(customers.HANDLES)):
                if fact.subject_id is not None and not (isinstance(fact.fact, Touchpoint) and fact.fact.test):
                    whose = person.get(fact.subject_id, fact.subject_id)
                    house = rules.at(fact.position).house(brokerage_id)
                    known[whose] = customers.evolve(known.get(whose, customers.NOBODY), fact, house)
        house = rules.at(FARTHEST).house(brokerage_id)
        found = (_history(state, house) for _, state in sorted(known.items()))
        return RentalHistory(house.currency, [one for one in found if one.bookings])

    def _read(
        self, connection: Connection[Any], brokerage_id: UUID, kinds: tuple[type[Fact], ...]
    ) -> Iterator[Recorded]:
        names = sorted(kind_of(kind) for kind in kinds)
        with connection.cursor(name="rentals", binary=True) as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(OF_BROKERAGE, (brokerage_id, names, 0, FARTHEST))
            for row in cursor:
                if isinstance(fact := readable(row), Recorded):
                    yield fact


def _history(state: Customer, house: House) -> History:
    booked = [Booked(moment(one.at_ms), one.value_minor) for one in customers.stays_of(state, house)]
    return History(customers.segment(state, house) or "", booked)
