"""How a person stands: everything that was scored of them, and the best of it."""

from domain.brokerage.rulebook import House
from domain.people.person import Person
from domain.people.scores import Scored, scores_of
from domain.people.viewing_scores import viewing_scores
from domain.rentals import customer


def every_score(person: Person, house: House) -> list[Scored]:
    """Return the score of every tour, conversation, form, appraisal, save and viewing, and of them as a guest.

    As of the person's last touchpoint, so that a replay gives the same.
    """
    rentals = customer.rental_standing(person.rentals, house, len(person.platforms), person.last_ms)
    guest = [Scored("rentals", "", person.platforms.get("rentals", 0), rentals)] if rentals else []
    return [*scores_of(person, house), *viewing_scores(person, house), *guest]
