"""Which language model is asked; kept apart, so that a worker without one need not load its library."""

from dataclasses import dataclass, field

MODEL = "gpt-6-luna"
DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model answers, where, and how long we wait for it (seconds, all in all)."""

    api_key: str = field(repr=False)
    base_url: str | None = None
    model: str = MODEL
    deadline_s: float = DEADLINE_S
