"""Ratios of paired runs with exact small-sample intervals, and the verdicts drawn from them.

A block gives one log ratio. The estimate is Hodges and Lehmann's (the median of the pairwise
averages, "Walsh averages"); p and the interval come from the exact Wilcoxon signed-rank
distribution. With ties or zeros the distribution is the conditional one: the mid-ranks that
were seen, every sign pattern equally likely; zeros keep their rank and carry no sign (Pratt
1959), which makes the test the exact counterpart of the Walsh averages. The interval inverts
that test (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, sections 3.1-3.3).

Log ratios are put on a grid of 2⁻⁴⁰ (a relative 10⁻¹²), so that ties are decided and averages
are formed in whole numbers, without rounding.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

from harness.statistics.signed_rank import (
    MOST_BLOCKS_EXACT,
    is_untied,
    p_above,
    p_two_sided,
    sums_outside,
)

BLOCKS_FOR_AN_INTERVAL = 6
"""The exact Wilcoxon signed-rank test reaches p ≤ 0.05, two-sided, from 6 pairs on: 2/2⁶."""

CONFIDENCE = 0.95
NO_INTERVAL: Literal["no interval (n < 6)"] = "no interval (n < 6)"

Verdict: TypeAlias = Literal["faster", "slower", "same", "unclear", "no interval (n < 6)"]

_GRID = 2.0**40
_EXACT_SUMS = 2**52


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """A speed-up with its interval; above 1 is faster.

    `low` and `high` bound the 95 % interval and are None below 6 blocks; `p` is two-sided,
    against a ratio of 1; `method` says in words how it was computed.
    """

    estimate: float
    low: float | None
    high: float | None
    p: float
    blocks: int
    method: str


def hodges_lehmann(values: Sequence[float]) -> float:
    """Return the median of all pairwise averages, each value paired with itself included.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        message = "Hodges-Lehmann needs at least one value"
        raise ValueError(message)
    return median(_pairwise_sums(values)) / 2


def signed_rank_p(values: Sequence[float]) -> float:
    """Return the exact two-sided p of the signed-rank test that the values centre on 0."""
    return p_two_sided([round(value * _GRID) for value in values])


def signed_rank_p_above(values: Sequence[float]) -> float:
    """Return the exact one-sided p that the values centre on 0 or below: small if above."""
    return p_above([round(value * _GRID) for value in values])


def paired_ratio(log_ratios: Sequence[float]) -> RatioEstimate:
    """Estimate a ratio from one log ratio per block.

    Raises:
        ValueError: there is no block, or a log ratio is not finite.
    """
    if not all(map(math.isfinite, log_ratios)):
        message = "a log ratio is not finite"
        raise ValueError(message)
    steps = [round(value * _GRID) for value in log_ratios]
    centre, low, high = _centre_and_interval(steps)
    return RatioEstimate(
        estimate=math.exp(centre / _GRID),
        low=None if low is None else math.exp(low / _GRID),
        high=None if high is None else math.exp(high / _GRID),
        p=p_two_sided(steps),
        blocks=len(steps),
        method=_method(steps),
    )


@dataclass(frozen=True, slots=True)
class DifferenceEstimate:
    """A difference with its 95 % interval, whose ends are None below 6 blocks."""

    estimate: float
    low: float | None
    high: float | None
    blocks: int


def paired_difference(values: Sequence[float]) -> DifferenceEstimate:
    """Estimate a difference from one per block, by the same test as `paired_ratio`.

    Raises:
        ValueError: there is no block, or a difference is not finite.
    """
    if not all(map(math.isfinite, values)):
        message = "a difference is not finite"
        raise ValueError(message)
    centre, low, high = _centre_and_interval([round(value * _GRID) for value in values])
    return DifferenceEstimate(
        centre / _GRID,
        None if low is None else low / _GRID,
        None if high is None else high / _GRID,
        len(values),
    )


def verdict(estimate: RatioEstimate, min_effect: float) -> Verdict:
    """Judge a speed-up by its unadjusted interval and the least effect that matters.

    Effects are compared on the log scale, so that a/b and b/a get mirrored verdicts.
    """
    if estimate.low is None or estimate.high is None:
        return NO_INTERVAL
    bound = math.log1p(min_effect)
    effect, low, high = (math.log(x) for x in (estimate.estimate, estimate.low, estimate.high))
    if low > 0 and effect >= bound:
        return "faster"
    if high < 0 and effect <= -bound:
        return "slower"
    if low >= -bound and high <= bound:
        return "same"
    return "unclear"


def _method(steps: Sequence[int]) -> str:
    if len(steps) > MOST_BLOCKS_EXACT:
        return "signed-rank test, normal approximation"
    if not is_untied(steps):
        return "exact conditional sign-flip distribution (ties or zeros)"
    return "exact Wilcoxon signed-rank distribution"


def _pairwise_sums(values: Sequence[float]) -> list[float]:
    return sorted([a + b for i, a in enumerate(values) for b in values[i:]])


def _centre_and_interval(steps: Sequence[int]) -> tuple[float, float | None, float | None]:
    """Return the Hodges-Lehmann estimate and the interval's ends, in steps."""
    if not steps:
        message = "there is no block"
        raise ValueError(message)
    # Whole numbers below 2⁵³ are exact as floats too, which sort in a third of the time.
    small = max(map(abs, steps)) < _EXACT_SUMS
    sums = _pairwise_sums(list(map(float, steps)) if small else steps)
    centre = median(sums)
    if len(steps) < BLOCKS_FOR_AN_INTERVAL:
        return centre / 2, None, None
    if len(steps) > MOST_BLOCKS_EXACT or len(set(steps)) < len(steps):
        return centre / 2, *_inverted(steps, sums, centre)
    # Between two pairwise averages of different numbers there is no tie, so that the ends are
    # where the distribution of plain ranks says.
    outside = sums_outside(len(steps), 1 - CONFIDENCE)
    return centre / 2, sums[outside] / 2, sums[-1 - outside] / 2


def _inverted(
    steps: Sequence[int], every_sum: Sequence[float], centre: float
) -> tuple[float, float]:
    """Return the ends of the region of centres that the test does not reject, in steps.

    The test's answer can only change at a pairwise average. Places are numbered in order:
    even ones are the averages themselves, odd ones the gaps between two neighbours. The
    estimate's own place always belongs to the region.
    """
    sums = sorted({round(total) for total in every_sum})
    after = bisect_left(sums, centre)
    place = 2 * after if sums[after] == centre else 2 * after - 1
    # Without ties an average is only the border of a gap, as in the textbook's closed interval.
    stride = 1 if len(set(steps)) < len(steps) else 2
    aside = 1 if stride == 2 and place % 2 == 0 else 0

    def accepted(place: int) -> bool:
        # Four times the centre: whole for averages (half a sum) and for the middle of a gap.
        quadrupled = sums[place // 2] + sums[(place + 1) // 2]
        return p_two_sided([4 * step - quadrupled for step in steps]) > 1 - CONFIDENCE

    first = _outermost(range(place - aside, -1, -stride), accepted)
    last = _outermost(range(place + aside, 2 * len(sums) - 1, stride), accepted)
    return sums[first // 2] / 2, sums[(last + 1) // 2] / 2


def _outermost(outward: range, accepted: Callable[[int], bool]) -> int:
    # Going outward p falls; where ties bend that, the last place found is moved on as long as
    # its neighbour is accepted too.
    low, high = 0, len(outward) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if accepted(outward[middle]):
            low = middle
        else:
            high = middle - 1
    while low + 1 < len(outward) and accepted(outward[low + 1]):
        low += 1
    return outward[low]
