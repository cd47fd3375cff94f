"""Sets up a brokerage: its registration, datasets and policy, as facts on its own strict stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from domain.brokerage.events import BrokerageFact, BrokerageRegistered, DatasetConnected, PolicyActivated, PolicyDrafted
from domain.brokerage.rulebook import DEFAULTS, House, with_fact
from domain.scoring.policy import Policy

BROKERAGES = UUID("0b8f4a0e-7b6f-5c58-8a0b-3f1a2d9c4e61")
"""Namespace of brokerage ids and their streams."""


class AlreadyRegistered(Exception):
    """The brokerage is there already, under other settings."""


class NotRegistered(Exception):
    """There is no such brokerage."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a brokerage chose so far, and the version of its stream."""

    house: House = DEFAULTS
    registered: bool = False
    version: int = 0
    drafts: Mapping[tuple[str, int], PolicyDrafted] = field(default_factory=dict)  # (name, version) → who wrote what
    activations: tuple[PolicyActivated, ...] = ()


def stream_of(brokerage_id: UUID) -> UUID:
    """Return the stream of a brokerage's set-up."""
    return uuid5(BROKERAGES, f"setup|{brokerage_id}")


def brokerage_id_of(slug: str) -> UUID:
    """Return the id of a brokerage by its short name, the same on every machine."""
    return uuid5(BROKERAGES, f"brokerage|{slug}")


def fold(facts: Sequence[BrokerageFact]) -> Setup:
    """Return what the facts add up to."""
    house = DEFAULTS
    for fact in facts:
        house = with_fact(house, fact)
    return Setup(
        house,
        any(isinstance(fact, BrokerageRegistered) for fact in facts),
        len(facts),
        {(fact.policy.name, fact.policy.version): fact for fact in facts if isinstance(fact, PolicyDrafted)},
        tuple(fact for fact in facts if isinstance(fact, PolicyActivated)),
    )


def decide_registration(setup: Setup, wanted: BrokerageRegistered, policy: Policy) -> list[BrokerageFact]:
    """Return the facts of a registration and its first policy; none where it is registered just so."""
    if not setup.registered:
        return [wanted, PolicyActivated(policy=policy, revision=1, occurred_at=wanted.occurred_at)]
    house = setup.house
    if (house.name, house.currency, house.region, house.ask_first) != (
        wanted.name, wanted.currency, wanted.region, wanted.ask_first,
    ):  # fmt: skip
        raise AlreadyRegistered(f"{house.name} is registered with other settings")
    return []


def decide_dataset(setup: Setup, wanted: DatasetConnected) -> list[BrokerageFact]:
    """Return the fact of a dataset's connection; none where it is connected just so. Raises NotRegistered."""
    if not setup.registered:
        raise NotRegistered("register the brokerage first")
    before = setup.house.datasets.get(wanted.dataset_id)
    same = before is not None and before.model_copy(update={"occurred_at": wanted.occurred_at}) == wanted
    return [] if same else [wanted]
