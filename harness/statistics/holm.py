"""Holm's rule for many tests at once: any false rejection among all of them stays below a level.

Adjusted p values are those of Holm (A simple sequentially rejective multiple test procedure,
Scandinavian Journal of Statistics 6, 1979); they hold however the tests depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

FAMILY_LEVEL = 0.05
"""The most that any false rejection in a family may be likely."""

Name = TypeVar("Name", bound=Hashable)


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Return the adjusted p of each test; it is rejected if that is at most the family's level.

    The smallest p counts times the number of tests, the next times one less, and so on; none
    is below one that was smaller before, none above 1.
    """
    ordered = sorted(p_values, key=p_values.__getitem__)
    adjusted: dict[Name, float] = {}
    so_far = 0.0
    for place, name in enumerate(ordered):
        so_far = max(so_far, min(1.0, (len(ordered) - place) * p_values[name]))
        adjusted[name] = so_far
    return {name: adjusted[name] for name in p_values}


def blocks_needed(tests: int, *, sides: int = 2, level: float = FAMILY_LEVEL) -> int:
    """Return from how many blocks on the exact signed-rank test can pass Holm's first step.

    The least p that n blocks can give is `sides`/2ⁿ, and the first step asks for one of at most
    level/tests. With fewer blocks no difference, however large, is ever told in such a family.

    Raises:
        ValueError: there is no test.
    """
    if tests < 1:
        message = "a family has at least one test"
        raise ValueError(message)
    blocks = max(1, math.ceil(math.log2(sides * tests / level)))
    # The logarithm may be off by a rounding; the rule itself decides.
    while tests * sides / 2**blocks > level:
        blocks += 1
    while blocks > 1 and tests * sides / 2 ** (blocks - 1) <= level:
        blocks -= 1
    return blocks
