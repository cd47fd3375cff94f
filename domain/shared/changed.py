"""A copy of a state with some fields changed, cheap enough to make one per fact."""

from typing import TypeVar

S = TypeVar("S")


def changed(state: S, /, **changes: object) -> S:
    """Return a copy of a frozen dataclass (without slots) with other values in some fields.

    Does what `dataclasses.replace` does for a class without checks of its own, at a third of the cost where
    fields are many: a rebuild folds every fact there ever was.
    """
    copy: S = object.__new__(type(state))
    object.__setattr__(copy, "__dict__", state.__dict__ | changes)
    return copy
