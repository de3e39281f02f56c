"""What the targets are called on which a gate runs another build beside the suite's own.

A twin of `phone` is `phone (last good)`: it stands in the same blocks, on the same bench, and its
rows are never mistaken for those of the suite's own build.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Side: TypeAlias = Literal["last good", "reference"]
"""The build that a twin runs: the last good one, or the pinned reference."""

SIDES: tuple[Side, ...] = get_args(Side)
_ENDINGS = tuple(f" ({side})" for side in SIDES)


def twin_name(name: str, side: Side) -> str:
    """Return what the twin of a target, or of a file, is called."""
    return f"{name} ({side})"


def is_twin(name: str) -> bool:
    """Tell whether a name is that of a twin."""
    return name.endswith(_ENDINGS)


def own_name(name: str) -> str:
    """Return the name without what makes it a twin's."""
    return name.rpartition(" (")[0] if is_twin(name) else name
