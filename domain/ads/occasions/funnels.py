"""Steps of funnels: folded into the person like everything they do, and no occasion for a conversion."""

from domain.ads.occasion import Moment, Occasion
from domain.funnels.events import FunnelStepCompleted
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = frozenset({FunnelStepCompleted})


def occasions(_moment: Moment) -> list[Occasion]:
    """Return none: a step is the brokerage's own word."""
    return []
