"""How often this machine tells identical things apart, and which differences it would have seen.

Identical variants are measured in blocks; every pair of them is compared, over each round of so
many blocks, as any two variants are. Pairs of one round share runs: of n variants, n - 1
comparisons are independent, and the interval of the rate counts no more than those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from harness.model import ResultFolder
from harness.report.summary import CellSummary, summarise
from harness.statistics.paired import CONFIDENCE, RatioEstimate, Verdict, paired_ratio, verdict

EXPECTED = 1 - CONFIDENCE
"""The share of identical pairs whose interval excludes 1 where all is well."""
SEEN_OFTEN = 0.8
EFFECTS = (0.02, 0.05)


@dataclass(frozen=True, slots=True)
class IdenticalPair:
    """Two identical variants compared over one round of blocks."""

    one: str
    other: str
    round: int
    estimate: RatioEstimate
    verdict: Verdict

    @property
    def excludes_one(self) -> bool:
        low, high = self.estimate.low, self.estimate.high
        return low is not None and high is not None and not low <= 1 <= high

    def sees(self, effect: float) -> tuple[bool, bool]:
        """Tell whether this much faster, and this much slower, would have been told apart.

        A true effect moves all log ratios alike, and the interval with them.
        """
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return False, False
        return low * (1 + effect) > 1, high / (1 + effect) < 1


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What a self-test found; shares are of `pairs`, `independent` says how many count."""

    pairs: tuple[IdenticalPair, ...]
    independent: int
    blocks: int
    min_effect: float

    @property
    def alarms(self) -> int:
        """How many pairs were called faster or slower."""
        return sum(pair.verdict in {"faster", "slower"} for pair in self.pairs)

    @property
    def excluding(self) -> int:
        """How many intervals exclude 1, whatever the size of the effect."""
        return sum(pair.excludes_one for pair in self.pairs)

    @property
    def half_width(self) -> float:
        """The median half width of the intervals, as a share."""
        widths = [
            math.sqrt(pair.estimate.high / pair.estimate.low) - 1
            for pair in self.pairs
            if pair.estimate.low and pair.estimate.high
        ]
        return median(widths)

    def interval(self, count: int) -> tuple[float, float]:
        """Return the 95 % interval of a rate, for the comparisons that are independent."""
        scaled = count * self.independent / len(self.pairs)
        low, _ = clopper_pearson(math.floor(scaled), self.independent)
        _, high = clopper_pearson(math.ceil(scaled), self.independent)
        return low, high

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks for more false alarms than a 95 % interval allows."""
        return self.interval(self.alarms)[0] <= EXPECTED

    def seen(self, effect: float) -> float:
        """Return the share of comparisons that would have seen a difference of this size."""
        both = [seen for pair in self.pairs for seen in pair.sees(effect)]
        return sum(both) / len(both)

    def fit(self, effect: float) -> bool:
        """Tell whether this machine tells such a difference apart, and can be believed."""
        return self.trusted and self.seen(effect) >= SEEN_OFTEN


def examine(folder: ResultFolder, blocks: int) -> FalseAlarms | None:
    """Compare all variants of a folder over rounds of so many blocks; None without one whole round.

    Blocks that are left out, or lack a variant, are in no round.
    """
    cells = [cell for cell in summarise([folder]) if cell.time]
    pairs: list[IdenticalPair] = []
    independent = 0
    for group in _groups(cells):
        times = [dict(cell.time.by_block) for cell in group if cell.time]
        whole = sorted(set.intersection(*map(set, times)), key=lambda block: block[1])
        for number in range(len(whole) // blocks):
            chosen = whole[number * blocks : (number + 1) * blocks]
            independent += len(group) - 1
            for (one, ours), (other, theirs) in combinations(zip(group, times, strict=True), 2):
                logs = [math.log(theirs[block] / ours[block]) for block in chosen]
                found = paired_ratio(logs)
                judged = verdict(found, one.target.min_effect)
                names = (one.cell.variant, other.cell.variant)
                pairs.append(IdenticalPair(*names, number + 1, found, judged))
    if not pairs:
        return None
    return FalseAlarms(tuple(pairs), independent, blocks, cells[0].target.min_effect)


def clopper_pearson(count: int, whole: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper and Pearson, 1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else _share_at(lambda p: 1 - _at_most(count - 1, whole, p), tail)
    high = 1.0 if count == whole else _share_at(lambda p: -_at_most(count, whole, p), -tail)
    return low, high


def _groups(cells: Sequence[CellSummary]) -> list[list[CellSummary]]:
    groups: dict[tuple[str, str, str], list[CellSummary]] = {}
    for cell in cells:
        key = (cell.cell.model, cell.cell.file, cell.cell.target)
        groups.setdefault(key, []).append(cell)
    return [group for group in groups.values() if len(group) > 1]


def _at_most(count: int, whole: int, share: float) -> float:
    """Return the probability of at most `count` hits of `whole`."""
    return math.fsum(
        math.comb(whole, k) * share**k * (1 - share) ** (whole - k) for k in range(count + 1)
    )


def _share_at(rising: Callable[[float], float], level: float) -> float:
    """Find where a rising function of a share reaches a level."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < level:
            low = middle
        else:
            high = middle
    return high
