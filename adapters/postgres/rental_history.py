"""Reads what a value model learns from: a brokerage's log of rentals, folded customer by customer."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from psycopg import Connection
from pydantic import TypeAdapter

from adapters.postgres.facts import OF_BROKERAGE, readable
from adapters.postgres.work import as_app
from application.ports.lifetime_value import Booked, History
from application.ports.rental_history import RentalHistory
from application.tell_new_fit import Valued
from domain.brokerage.rulebook import House
from domain.catalogue import kind_of
from domain.people.links import LINK_FACTS, ends, people_of, standing
from domain.rentals import customer as customers
from domain.rentals.customer import Customer
from domain.shared.clock import moment
from domain.shared.fact import Fact, Recorded, Touchpoint
from projections.rentals import Known
from projections.timeline import RULE_FACTS, Timeline

CAME_TO = """
SELECT coalesce((SELECT position FROM projection.builds WHERE name = 'rental_customers' AND status = 'live'), 0)
       >= coalesce((SELECT notification_id FROM log.masar_events
                     WHERE originator_id = %s AND originator_version = 1 AND brokerage_id = %s), 0)
"""
PAGE = """
SELECT key, state FROM read_models.rental_customers
 WHERE brokerage_id = %s AND (%s::text IS NULL OR key > %s::text) ORDER BY key LIMIT %s
"""
KNOWN: TypeAdapter[Known] = TypeAdapter(Known)
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
            rules = self._rules(connection, brokerage_id)
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

    def house(self, brokerage_id: UUID) -> House:
        """Return a brokerage's rules as they are now."""
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            rules = self._rules(connection, brokerage_id)
        return rules.at(FARTHEST).house(brokerage_id)

    def _rules(self, connection: Connection[Any], brokerage_id: UUID) -> Timeline:
        rules = Timeline()
        rules.learn(self._read(connection, brokerage_id, RULE_FACTS))
        return rules

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


class CustomersOfRentals:
    """The ValuedCustomers of a worker's connection as `masar_projector`."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line, self._log = line, LogOfRentals(line)

    def came_to(self, brokerage_id: UUID, entry: UUID) -> bool:
        """Tell whether the read model of customers has come as far as a log entry."""
        row = self._line().execute(CAME_TO, (entry, brokerage_id)).fetchone()
        return bool(row and row[0])

    def house(self, brokerage_id: UUID) -> House:
        """Return a brokerage's rules as they are now."""
        return self._log.house(brokerage_id)

    def page(self, brokerage_id: UUID, after: UUID | None, limit: int) -> list[Valued]:
        """Return the next customers in the order of their ids."""
        begin = str(after) if after else None
        rows = self._line().execute(PAGE, (brokerage_id, begin, begin, limit), binary=True).fetchall()
        known = [(UUID(key), KNOWN.validate_json(state)) for key, state in rows]
        return [Valued(subject_id, one.customer, one.told_minor) for subject_id, one in known]


def _history(state: Customer, house: House) -> History:
    booked = [Booked(moment(one.at_ms), one.value_minor) for one in customers.stays_of(state, house)]
    return History(customers.segment(state, house) or "", booked)
