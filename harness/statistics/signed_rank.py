"""The exact Wilcoxon signed-rank test that whole numbers centre on 0.

Every sign pattern of the ranks that were seen is equally likely. With ties the ranks are mid-ranks;
zeros keep their rank and carry no sign (Pratt 1959). Above 200 numbers the normal approximation
takes over.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

MOST_BLOCKS_EXACT = 200


def p_two_sided(residuals: Sequence[int]) -> float:
    """Return the p against both sides; 1 where there is nothing but zeros."""
    ranks, negative = _ranks(residuals)
    total = sum(ranks)
    smaller = min(negative, total - negative)
    if len(ranks) > MOST_BLOCKS_EXACT:
        return math.erfc(_z(ranks, total - 2 * smaller) / math.sqrt(2))
    return min(1.0, 2 * _share_at_most(ranks, smaller))


def p_above(residuals: Sequence[int]) -> float:
    """Return the p against a centre of 0 or below; small where the numbers lie above."""
    ranks, negative = _ranks(residuals)
    if len(ranks) > MOST_BLOCKS_EXACT:
        return math.erfc(_z(ranks, sum(ranks) - 2 * negative) / math.sqrt(2)) / 2
    return _share_at_most(ranks, negative)


def is_untied(numbers: Sequence[int]) -> bool:
    """Tell whether no number is 0 and no two have the same size."""
    sizes = set(map(abs, numbers))
    return len(sizes) == len(numbers) and 0 not in sizes


@lru_cache
def sums_outside(blocks: int, level: float) -> int:
    """Return how many sorted pairwise sums lie outside the interval at either end.

    Of n different numbers, the test's statistic for a centre is how many of their pairwise sums
    lie above twice that centre (Tukey), so the centres that are not rejected lie between two of
    the sums. -1 where no centre is ever rejected.
    """
    ranks = _untied(blocks)
    limits = range(sum(ranks) + 1)
    rejected = bisect_left(limits, True, key=lambda limit: 2 * _share_at_most(ranks, limit) > level)
    return rejected - 1


def _ranks(residuals: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Return the ranks of what is not 0, and what those of negative numbers add up to.

    Where there are ties or zeros all ranks are doubled, so that mid-ranks are whole too.
    """
    ordered = sorted(residuals, key=abs)
    if is_untied(ordered):
        negative = sum([rank for rank, each in enumerate(ordered, start=1) if each < 0])
        return _untied(len(ordered)), negative
    ranks: list[int] = []
    negative = before = 0
    for size, tied in groupby(ordered, key=abs):
        members = list(tied)
        doubled = 2 * before + len(members) + 1
        before += len(members)
        if size:
            ranks += [doubled] * len(members)
            negative += doubled * sum(each < 0 for each in members)
    return tuple(ranks), negative


@lru_cache
def _untied(blocks: int) -> tuple[int, ...]:
    return tuple(range(1, blocks + 1))


def _z(ranks: Sequence[int], signed_sum: int) -> float:
    return signed_sum / math.sqrt(math.fsum(rank * rank for rank in ranks))


@lru_cache(maxsize=4096)
def _share_at_most(ranks: tuple[int, ...], limit: int) -> float:
    """Return the share of all subsets whose ranks add up to at most `limit`; exact."""
    if not ranks:
        return 1.0
    slot = len(ranks) + 1
    kept = _subset_counts(ranks) & ((1 << ((limit + 1) * slot)) - 1)
    # No sum of slots reaches 2^slot - 1, so casting out that number adds the slots up.
    share: float = (kept % ((1 << slot) - 1)) / (1 << len(ranks))
    return share


@lru_cache(maxsize=16)
def _subset_counts(ranks: tuple[int, ...]) -> int:
    """Return the polynomial ∏(1 + x^rank) as one number, n + 1 bits for each coefficient."""
    slot = len(ranks) + 1
    counts = 1
    for rank in ranks:
        counts += counts << (rank * slot)
    return counts
