"""When to stop adding blocks: by how narrow the intervals are, never by what they say.

Looks are few and fixed beforehand. At each one the 95 % intervals of all series (log ratios, or
log times, a number per block) are computed; sampling stops as soon as the widest is narrow
enough. Where an interval lies plays no part, so that a difference is found no oftener than with
a number of blocks that was fixed before: stopping on significance would find one in 23 of 100
comparisons of a thing with itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.statistics.paired import BLOCKS_FOR_AN_INTERVAL, paired_difference

LOOKS = (6, 9, 14, 20, 30)
"""After how many blocks intervals are looked at; the first is where verdicts become reachable."""

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look saw.

    `half_width` is half the width of the widest interval, on the log scale: infinite where one
    is missing, None where there is no series that more blocks could narrow. `left_out` counts
    the series of which that is so.
    """

    half_width: float | None
    left_out: int = 0

    def is_enough(self, precision: float) -> bool:
        """Tell whether every interval reaches at most this share to either side, such as 0.02."""
        return self.half_width is None or self.half_width <= math.log1p(precision)


NOTHING_SEEN = Seen(None)
"""What is seen before the first look."""


def half_width(values: Sequence[float]) -> float:
    """Return half the width of the 95 % interval of where values centre.

    It is that of `paired_difference`, infinite below 6 values.

    Raises:
        ValueError: a value is not finite.
    """
    if len(values) < BLOCKS_FOR_AN_INTERVAL:
        return math.inf
    found = paired_difference(values)
    assert found.low is not None
    assert found.high is not None
    return (found.high - found.low) / 2


def look(series: Mapping[_Key, Sequence[float]], before: Mapping[_Key, int]) -> Seen:
    """Look at series; `before` has how many values each had at the look before.

    A series that has got none since then is left out: whatever keeps it from growing, more
    blocks do not help it, and it must not keep others waiting.
    """
    growing = [values for key, values in series.items() if len(values) > before.get(key, 0)]
    widest = max(map(half_width, growing), default=None)
    return Seen(widest, len(series) - len(growing))
