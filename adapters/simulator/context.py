"""What a rule may know beside the event itself."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Event: TypeAlias = dict[str, Any]
DatasetKind: TypeAlias = Literal["website", "page", "waba", "instagram"]


@dataclass(frozen=True, slots=True)
class Context:
    """The moment of receipt (unix seconds), the dataset's kind where registered, and the mode."""

    now: float
    strict: bool = True
    dataset_kind: DatasetKind | None = None
    future_tolerance_s: float = 60.0
