"""The ratio of two groups of runs that share no block: weaker than paired blocks, and said so.

The estimate is Hodges and Lehmann's for two samples, the median of all pairwise differences of
logs; interval and p are from the exact null distribution of the Wilcoxon-Mann-Whitney rank sum
(Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, sections 4.1-4.3). Neither knows
what changed between two sessions: drift of the machine is not in the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import median

from harness.statistics.paired import CONFIDENCE, RatioEstimate


def unpaired_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> RatioEstimate:
    """Estimate the ratio of two groups of positive times, a value per run.

    `low` and `high` are None where no interval of 95 % exists: below four runs on each side.

    Raises:
        ValueError: a group is empty, or a time is not positive and finite.
    """
    every = (*numerator, *denominator)
    if not numerator or not denominator or not all(0 < t < math.inf for t in every):
        message = "both groups need times that are positive and finite"
        raise ValueError(message)
    logs = sorted(math.log(a) - math.log(b) for a in numerator for b in denominator)
    first, second = len(numerator), len(denominator)
    low = high = None
    place = _critical(first, second)
    if place is not None:
        low, high = math.exp(logs[place]), math.exp(logs[-1 - place])
    # Of the times themselves: two that differ may have the same logarithm.
    above = sum((a > b) + (a == b) / 2 for a in numerator for b in denominator)
    return RatioEstimate(
        estimate=math.exp(median(logs)),
        low=low,
        high=high,
        p=_two_sided(math.floor(min(above, len(logs) - above)), first, second),
        blocks=min(first, second),
        method=f"unpaired: exact Wilcoxon rank-sum distribution of {first} and {second} runs",
    )


def _critical(first: int, second: int) -> int | None:
    """Return how many of the sorted differences lie outside the interval at either end."""
    outside = -1
    while _two_sided(outside + 1, first, second) <= 1 - CONFIDENCE:
        outside += 1
    return outside if outside >= 0 else None


def _two_sided(statistic: int, first: int, second: int) -> float:
    """Return twice the share of orders in which the rank-sum statistic is at most this."""
    counts = _rank_sum_counts(first, second)
    total = math.comb(first + second, first)
    return min(1.0, 2 * sum(counts[: statistic + 1]) / total)


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
