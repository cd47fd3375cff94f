"""Given some facts, when others follow, then these conversions and scores: the domain's stories, told purely."""

from dataclasses import dataclass, field
from uuid import UUID

from domain.ads import conversions
from domain.ads.conversions import Conversion, Memory
from domain.brokerage import rulebook
from domain.brokerage.rulebook import House, Rulebook
from domain.people import person as people
from domain.people.person import Person
from domain.people.scores import Scored, scores_of
from domain.scoring.policy import Score
from tests.cast import NILE_HOMES, OPEN_HOUSE, Told, recorded


@dataclass
class Story:
    """Everything known of everyone so far; conversions are those of the last `when`."""

    position: int = 0
    rules: Rulebook = field(default_factory=Rulebook)
    memories: dict[UUID, Memory] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)
    conversions: list[Conversion] = field(default_factory=list)

    def when(self, *told: Told) -> "Story":
        """Tell what happens next."""
        self.conversions = []
        for one in told:
            self._tell(one)
        return self

    def then_sends(self, *expected: tuple[str, float | None]) -> "Story":
        """Check event names and values of what goes to Meta, in order."""
        assert [(one.event_name, one.value) for one in self.conversions if one.withheld is None] == list(expected)
        return self

    def then_withholds(self, *reasons: str) -> "Story":
        """Check that what was decided stays in the house, and why, in order."""
        assert [one.withheld for one in self.conversions] == list(reasons)
        return self

    def then_nothing_is_decided(self) -> "Story":
        assert self.conversions == []
        return self

    @property
    def conversion(self) -> Conversion:
        """The only conversion of the last `when`."""
        (only,) = self.conversions
        return only

    @property
    def house(self) -> House:
        return self.rules.house(NILE_HOMES)

    def tour_score(self, session: str) -> Score:
        """The score of a session, whoever walked it."""
        return self.score("tours", session)

    def score(self, about: str, key: str) -> Score:
        """The score of one thing, whoever did it."""
        (found,) = [one.score for one in self.scores() if (one.about, one.key) == (about, key)]
        return found

    def scores(self) -> list[Scored]:
        """Every score of everyone."""
        return [one for person in self.people.values() for one in scores_of(person, self.house)]

    def _tell(self, told: Told) -> None:
        self.position += 1
        entry = recorded(told, self.position)
        self.rules = rulebook.evolve(self.rules, entry)
        person = told.subject_id
        if person is not None:
            self.people[person] = people.evolve(self.people.get(person, Person()), entry, self.house)
            memory = self.memories.get(person, Memory())
            self.memories[person], decided = conversions.decide(memory, entry, self.house, person)
            self.conversions += decided


def given(*told: Told, house: tuple[Told, ...] = OPEN_HOUSE) -> Story:
    """Begin a story in a house with the shipped policy and one dataset, unless told otherwise."""
    return Story().when(*house, *told)
