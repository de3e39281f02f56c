"""The ratio of two groups of runs that share no block: weaker than paired blocks, and said so.

The estimate is Hodges and Lehmann's for two samples, the median of all pairwise differences of
logs; interval and p are from the exact null distribution of the Wilcoxon-Mann-Whitney rank sum
(Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, sections 4.1-4.3). Neither knows
what changed between two sessions: drift of the machine is not in the interval.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import accumulate

from harness.statistics.holm import FAMILY_LEVEL
from harness.statistics.paired import CONFIDENCE, RatioEstimate


def unpaired_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> RatioEstimate:
    """Estimate the ratio of two groups of positive times, a value per run.

    `low` and `high` are None where no interval of 95 % exists: below four runs on each side.

    Raises:
        ValueError: a group is empty, or a time is not positive and finite.
    """
    if not numerator or not denominator or not _are_times(numerator, denominator):
        message = "both groups need times that are positive and finite"
        raise ValueError(message)
    above, below = sorted(numerator), sorted(denominator)
    tops, bottoms = list(map(math.log, above)), list(map(math.log, reversed(below)))
    # In this order the list is made of rising runs, which sort at once.
    logs = sorted([top - bottom for top in tops for bottom in bottoms])
    first, second = len(numerator), len(denominator)
    low = high = None
    outside = _outside(first, second)
    if outside is not None:
        low, high = math.exp(logs[outside]), math.exp(logs[-1 - outside])
    # Of the times themselves: two that differ may have the same logarithm.
    smaller, not_larger = (
        map(partial(place, below), above) for place in (bisect_left, bisect_right)
    )
    won = (sum(smaller) + sum(not_larger)) / 2
    return RatioEstimate(
        # The median of what is sorted already.
        estimate=math.exp((logs[len(logs) // 2] + logs[-1 - len(logs) // 2]) / 2),
        low=low,
        high=high,
        p=_two_sided(math.floor(min(won, len(logs) - won)), first, second),
        blocks=min(first, second),
        method=f"unpaired: exact Wilcoxon rank-sum distribution of {first} and {second} runs",
    )


def runs_needed(tests: int, *, level: float = FAMILY_LEVEL) -> int:
    """Return from how many runs a side on the rank-sum test can pass Holm's first step.

    The least p of n runs a side is 2 of all (2n over n) orders; see `holm.blocks_needed`.

    Raises:
        ValueError: there is no test.
    """
    if tests < 1:
        message = "a family has at least one test"
        raise ValueError(message)
    runs = 1
    while 2 * tests / math.comb(2 * runs, runs) > level:
        runs += 1
    return runs


def _are_times(*groups: Sequence[float]) -> bool:
    return all(all(map(math.isfinite, group)) and min(group) > 0 for group in groups)


@lru_cache
def _outside(first: int, second: int) -> int | None:
    """Return how many of the sorted differences lie outside the interval at either end."""
    outside = -1
    while _two_sided(outside + 1, first, second) <= 1 - CONFIDENCE:
        outside += 1
    return outside if outside >= 0 else None


def _two_sided(statistic: int, first: int, second: int) -> float:
    """Return twice the share of orders in which the rank-sum statistic is at most this."""
    return _two_sided_of_each(first, second)[statistic]


@lru_cache(maxsize=256)
def _two_sided_of_each(first: int, second: int) -> tuple[float, ...]:
    total = math.comb(first + second, first)
    orders = accumulate(_rank_sum_counts(first, second))
    return tuple(min(1.0, 2 * count / total) for count in orders)


@lru_cache(maxsize=256)
def _rank_sum_counts(first: int, second: int) -> tuple[int, ...]:
    """Return how many orders give each value of the Mann-Whitney statistic, from 0.

    The coefficients of the Gaussian binomial: the product of (1 - x^(second+i)) / (1 - x^i).
    """
    size = first * second + 1
    counts = [1] + [0] * (size - 1)
    for i in range(1, first + 1):
        for at in range(size - 1, second + i - 1, -1):
            counts[at] -= counts[at - second - i]
        for at in range(i, size):
            counts[at] += counts[at - i]
    return tuple(counts)
