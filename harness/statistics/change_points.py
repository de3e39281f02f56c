"""Change points in histories: one value per night of each cell, in order; pure.

Each night two rules look at the nights since a cell's last change, at most `WINDOW` of them, on
the log scale, so that nothing depends on the unit:

* **in a row**: the last three nights are all on one side of the median of the up to 30 nights
  before them, each by more than 4 robust standard deviations (1.4826 × the median absolute
  deviation) and by more than 2 %;
* **ranks**: the cumulative sum of centred ranks, rank-CUSUM (Pettitt 1979; Bhattacharyya and
  Frierson 1981), its variance widened by (1 + ρ) / (1 − ρ) for the correlation ρ of neighbouring
  nights once the step is taken out, p from Kolmogorov's distribution; what is left after Benjamini
  and Hochberg over all cells of that night, has p of at most 0.005, and is more than 2 %.

The two are complementary: the first sees a large step in three nights, the second a small one in
two weeks. Comparing tonight with last night would alarm on most nights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean, median
from typing import Literal, TypeAlias, TypeVar

MIN_EFFECT = 0.02
NIGHTS_IN_A_ROW = 3
DEVIATIONS = 4.0
BASELINE = 30
"""The most nights that the first rule takes for how it was before."""
LEAST_BEFORE = 10
"""Without that many nights before it no change can be told."""
WINDOW = 40
"""The most nights that are looked at: more of them hide a step of the last days from ranks."""
FALSE_DISCOVERIES = 0.1
"""The share of false ones among what the second rule finds in one night."""
MOST_P = 0.005
"""The second rule finds nothing above it, however few cells there are: it is tried every night."""

Rule: TypeAlias = Literal["in a row", "ranks"]
K = TypeVar("K")

_LOG_EFFECT = math.log1p(MIN_EFFECT)
# Makes the median absolute deviation a standard deviation where values are normal.
_ROBUST = 1.4826
_MOST_CORRELATION = 0.9


@dataclass(frozen=True, slots=True)
class Change:
    """A change: the first value `at` which things are different, and the rule that saw it.

    `seen` is the last value that the rule knew; `p` is None for nights in a row.
    """

    at: int
    seen: int
    rule: Rule
    p: float | None = None


def changes_of_a_night(logs: Mapping[K, Sequence[float]]) -> dict[K, Change]:
    """Return in which cells a change is seen tonight.

    `logs` has a row per cell that was measured tonight: the logarithms of its values since its
    last change, tonight's last. Places count from the row's start.
    """
    found: dict[K, Change] = {}
    p_values: dict[K, float] = {}
    places: dict[K, int] = {}
    for key, row in logs.items():
        if len(row) < LEAST_BEFORE + NIGHTS_IN_A_ROW:
            continue
        if _in_a_row(row):
            at = len(row) - NIGHTS_IN_A_ROW
            found[key] = Change(at, len(row) - 1, "in a row")
        p_values[key], places[key] = _suspected(row)
    for key in discoveries(p_values, FALSE_DISCOVERIES):
        if key not in found:
            row = logs[key]
            found[key] = Change(places[key], len(row) - 1, "ranks", p_values[key])
    return found


def change_points(values: Sequence[float]) -> tuple[Change, ...]:
    """Return the changes of one cell that is looked at alone, night by night.

    Raises:
        ValueError: a value is not positive and finite.
    """
    if not all(0 < value < math.inf for value in values):
        message = "a history needs values that are positive and finite"
        raise ValueError(message)
    logs = [math.log(value) for value in values]
    found: list[Change] = []
    begin = 0
    for tonight in range(len(logs)):
        first = max(begin, tonight + 1 - WINDOW)
        seen = changes_of_a_night({"": logs[first : tonight + 1]}).get("")
        if seen is not None:
            begin = first + seen.at
            found.append(Change(begin, tonight, seen.rule, seen.p))
    return tuple(found)


def discoveries(p_values: Mapping[K, float], rate: float) -> tuple[K, ...]:
    """Return what Benjamini and Hochberg's procedure finds at a rate of false discoveries."""
    order = sorted(p_values, key=lambda key: p_values[key])
    limit = 0
    for place, key in enumerate(order, start=1):
        if p_values[key] <= rate * place / len(order):
            limit = place
    return tuple(order[:limit])


def rank_cusum(row: Sequence[float]) -> tuple[float, int]:
    """Return p of the test that values only vary by chance, and where they most likely change.

    The place is that of the first value after the change. Values without any order (all equal)
    have p = 1.
    """
    ranks = _centred_ranks(row)
    variance = fmean([rank * rank for rank in ranks])
    if variance == 0:
        return 1.0, 0
    sums = list(accumulate(ranks))
    at = max(range(len(sums) - 1), key=lambda place: abs(sums[place])) + 1
    correlation = _correlation(ranks, at)
    widened = variance * (1 + correlation) / (1 - correlation)
    return _kolmogorov(abs(sums[at - 1]) / math.sqrt(widened * len(row))), at


def _in_a_row(row: Sequence[float]) -> bool:
    before = row[-NIGHTS_IN_A_ROW - BASELINE : -NIGHTS_IN_A_ROW]
    centre = median(before)
    gaps = [value - centre for value in row[-NIGHTS_IN_A_ROW:]]
    if not (min(gaps) > _LOG_EFFECT or max(gaps) < -_LOG_EFFECT):
        return False
    spread = _ROBUST * median([abs(value - centre) for value in before])
    return min(map(abs, gaps)) > DEVIATIONS * spread


def _suspected(row: Sequence[float]) -> tuple[float, int]:
    """Return p and place of a change by the second rule; p = 1 where there can be none."""
    # Most rows of most nights end here: ranks cost ten times as much as two medians.
    if abs(median(row[-NIGHTS_IN_A_ROW:]) - median(row)) <= _LOG_EFFECT / 2:
        return 1.0, 0
    p, at = rank_cusum(row)
    if not LEAST_BEFORE <= at <= len(row) - NIGHTS_IN_A_ROW:
        return 1.0, 0
    effect = median(row[at:]) - median(row[:at])
    return (p, at) if abs(effect) > _LOG_EFFECT and p <= MOST_P else (1.0, 0)


def _centred_ranks(row: Sequence[float]) -> list[float]:
    """Return mid-ranks less their mean."""
    order = sorted(range(len(row)), key=row.__getitem__)
    ranks = [0.0] * len(row)
    middle = (len(row) - 1) / 2
    begin = 0
    while begin < len(order):
        end = begin
        while end + 1 < len(order) and row[order[end + 1]] == row[order[begin]]:
            end += 1
        for place in order[begin : end + 1]:
            ranks[place] = (begin + end) / 2 - middle
        begin = end + 1
    return ranks


def _correlation(ranks: Sequence[float], at: int) -> float:
    """Return the lag-1 correlation of ranks once both sides are centred, from 0 to 0.9."""
    before, after = fmean(ranks[:at]), fmean(ranks[at:])
    rest = [rank - (before if place < at else after) for place, rank in enumerate(ranks)]
    square = math.fsum([value * value for value in rest])
    if square == 0:
        return 0.0
    together = math.fsum([one * other for one, other in pairwise(rest)])
    return min(_MOST_CORRELATION, max(0.0, together / square))


def _kolmogorov(statistic: float) -> float:
    """Return the chance that a Brownian bridge goes further than this from 0."""
    if statistic < 0.3:
        # The series converges slowly there, and the answer is 1 to five digits.
        return 1.0
    total = math.fsum(
        (-1) ** (term - 1) * math.exp(-2 * term * term * statistic * statistic)
        for term in range(1, 50)
    )
    return min(1.0, max(0.0, 2 * total))
