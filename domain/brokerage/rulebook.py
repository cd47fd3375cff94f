"""What holds for each brokerage at a place in the log: its settings, datasets and policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from domain.brokerage.events import (
    BrokerageFact,
    BrokerageRegistered,
    ChannelConnected,
    DatasetConnected,
    PolicyActivated,
    PolicyDrafted,
)
from domain.lifetime_value.fitted import FittedValueModel
from domain.rentals.events import RentalValueModelFitted
from domain.scoring.brief import BRIEF
from domain.scoring.policy import DatasetRole, Policy
from domain.shared.fact import Recorded


@dataclass(frozen=True, slots=True)
class House:
    """One brokerage's rules. `datasets` maps dataset id → its connection; `revision` counts activations of a policy."""

    name: str = ""
    currency: str = "EGP"
    region: str = "EG"
    ask_first: bool = False
    datasets: Mapping[str, DatasetConnected] = field(default_factory=dict)
    channels: Mapping[str, ChannelConnected] = field(default_factory=dict)  # "channel/account id" → its connection
    policy: Policy = BRIEF
    revision: int = 0
    earlier: Mapping[int, Policy] = field(default_factory=dict)  # revision → policy, all activations
    value_model: FittedValueModel | None = None  # what rental customers may still bring, by the newest fit

    def policy_of(self, revision: int) -> Policy:
        """Return the policy of an activation; the shipped default before the first."""
        return self.earlier.get(revision, BRIEF)

    def datasets_for(self, role: DatasetRole) -> list[DatasetConnected]:
        """Return the datasets of a role that the policy in force tells its conversions, in a stable order."""
        if role not in self.policy.dataset_roles:
            return []
        return sorted((one for one in self.datasets.values() if one.role == role), key=lambda one: one.dataset_id)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every brokerage's rules so far; one that never registered has the defaults."""

    houses: Mapping[UUID, House] = field(default_factory=dict)

    def house(self, brokerage_id: UUID) -> House:
        """Return the rules of one brokerage."""
        return self.houses.get(brokerage_id, DEFAULTS)


DEFAULTS = House()


def evolve(rulebook: Rulebook, recorded: Recorded) -> Rulebook:
    """Take one more fact into account; facts that are not about a brokerage's rules change nothing."""
    fact = recorded.fact
    if not isinstance(fact, BrokerageFact):
        return rulebook
    house = with_fact(rulebook.house(recorded.brokerage_id), fact)
    return Rulebook({**rulebook.houses, recorded.brokerage_id: house})


def with_fact(house: House, fact: BrokerageFact) -> House:
    """Return the rules of a house after one more fact about it."""
    match fact:
        case BrokerageRegistered():
            return replace(house, name=fact.name, currency=fact.currency, region=fact.region, ask_first=fact.ask_first)
        case DatasetConnected():
            return replace(house, datasets={**house.datasets, fact.dataset_id: fact})
        case ChannelConnected():
            name = f"{fact.channel}/{fact.account_id}"
            others = {key: one for key, one in house.channels.items() if key != name}
            return replace(house, channels={**others, name: fact} if fact.connected else others)
        case PolicyDrafted():
            return house  # changes nothing until it is activated
        case PolicyActivated():
            activated = {**house.earlier, fact.revision: fact.policy}
            return replace(house, policy=fact.policy, revision=fact.revision, earlier=activated)
        case RentalValueModelFitted():
            return replace(house, value_model=fact.model)
