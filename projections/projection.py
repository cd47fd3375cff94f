"""What a read model is: a declaration and a pure fold."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from domain.brokerage.rulebook import House
from domain.shared.fact import Fact, Recorded
from domain.shared.outbox import OutboxMessage

S = TypeVar("S")
SqlType = Literal["text", "uuid", "int4", "int8", "float8", "numeric", "bool", "timestamptz", "jsonb", "bytea"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that queries read, beside `brokerage_id`, `key` and `state`."""

    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class Decided:
    """A row that a reaction decided, once; `id` is its primary key, `values` follow the declared columns."""

    id: str
    values: tuple[Any, ...]


Effects = tuple[Sequence[Decided], Sequence[OutboxMessage]]
NO_EFFECTS: Effects = ((), ())


@dataclass(frozen=True, slots=True)
class Decisions:
    """The table of what a reaction decided: never changed, a second decision of the same id is ignored."""

    table: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Projection(Generic[S]):
    """A read model: which facts it reads, which key each concerns, and how a state takes one in.

    `key` is "person" for models of one person: the runner then follows links between subjects and refolds.
    `evolve(state, recorded, house, key)` is pure; a reaction's `react` also returns what it decided and what has
    to leave the house. `row(state, house)` gives the values of `columns`. Raise `version` and the runner rebuilds.
    """

    name: str
    version: int
    handles: tuple[type[Fact], ...]
    key: Literal["person"] | Callable[[Recorded], Iterable[str]]
    initial: S
    columns: tuple[Column, ...]
    row: Callable[[S, House], tuple[Any, ...]]
    evolve: Callable[[S, Recorded, House, str], S] | None = None
    react: Callable[[S, Recorded, House, str], tuple[S, Effects]] | None = None
    decisions: Decisions | None = None
    tables: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Name the tables of the model: the keyed one, and the reaction's decisions."""
        keyed = f"{self.name}_memory" if self.decisions else self.name
        decided = (self.decisions.table,) if self.decisions else ()
        object.__setattr__(self, "tables", (keyed, *decided))

    @property
    def by_person(self) -> bool:
        """Whether the key is the person, so that links between subjects matter."""
        return self.key == "person"

    def step(self, state: S, recorded: Recorded, house: House, key: str) -> tuple[S, Effects]:
        """Fold one fact into the state of one key."""
        if self.react is not None:
            return self.react(state, recorded, house, key)
        if self.evolve is None:
            raise TypeError(f"projection {self.name} has neither evolve nor react")
        return self.evolve(state, recorded, house, key), NO_EFFECTS
