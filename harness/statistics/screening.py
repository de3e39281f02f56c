"""The gate's rule in two stages: screen every cell, then confirm the flagged ones with new blocks.

The screen is meant to flag too much: it only chooses which cells are worth new blocks. What decides
are these alone, with Holm's rule over all cells that were flagged, so that a night on which
nothing changed stays without an alarm. Both stages take log ratios, one per block: the logarithm
of (time of the candidate / time of the last good build), so that above 0 is slower.

How often the rule alarms falsely, and what it finds, is measured by benchmarks/statistics_proof.py
with the numbers below.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.statistics.holm import FAMILY_LEVEL, blocks_needed, holm
from harness.statistics.paired import paired_ratio, signed_rank_p_above
from harness.statistics.student_t import mean_and_t, p_above, p_two_sided

SCREEN_BLOCKS = 6
"""How many blocks all cells are screened with."""
SCREEN_LEVEL = 0.10
SCREEN_EFFECT = 0.01
CONFIRM_BLOCKS = 12
"""How many new blocks flagged cells are confirmed with; reach up to 204 of them, see `reach`."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What new blocks say of a flagged cell.

    `estimate` is the ratio of times, candidate over last good: 1.05 is five percent slower. `low`
    and `high` are the ends of its unadjusted 95 % interval, None below 6 blocks. `p_adjusted` is
    one-sided, towards slower, and adjusted by Holm's rule.
    """

    estimate: float
    low: float | None
    high: float | None
    p_adjusted: float
    confirmed: bool


def screen(log_ratios: Sequence[float], *, two_sided: bool = False) -> bool:
    """Tell whether a cell is flagged: Student's t has p below 0.10 and the mean is 1 % or more.

    It flags what became slower; with `two_sided` what became faster too, each at that level. Fewer
    than two blocks cannot clear a cell, so they flag it.

    Raises:
        ValueError: a log ratio is not finite.
    """
    if not all(map(math.isfinite, log_ratios)):
        message = "a log ratio is not finite"
        raise ValueError(message)
    if len(log_ratios) < 2:
        return True
    mean, t = mean_and_t(log_ratios)
    freedom = len(log_ratios) - 1
    if two_sided:
        return p_two_sided(t, freedom) < 2 * SCREEN_LEVEL and abs(mean) >= math.log1p(SCREEN_EFFECT)
    return p_above(t, freedom) < SCREEN_LEVEL and mean >= math.log1p(SCREEN_EFFECT)


def confirm(cells: Mapping[Name, Sequence[float]], *, min_effect: float) -> dict[Name, Confirmed]:
    """Judge flagged cells by log ratios of new blocks; those of the screen must not be among them.

    A cell is confirmed slower if its exact one-sided signed-rank p, adjusted by Holm's rule over
    all given cells, is at most 0.05, and the Hodges-Lehmann estimate at least `min_effect`.

    Raises:
        ValueError: a cell has no block, or a log ratio is not finite.
    """
    estimates = {name: paired_ratio(logs) for name, logs in cells.items()}
    adjusted = holm({name: signed_rank_p_above(logs) for name, logs in cells.items()})
    return {
        name: Confirmed(
            estimate=found.estimate,
            low=found.low,
            high=found.high,
            p_adjusted=adjusted[name],
            confirmed=adjusted[name] <= FAMILY_LEVEL and found.estimate >= 1 + min_effect,
        )
        for name, found in estimates.items()
    }


def reach(flagged: int) -> int:
    """Return how many new blocks so many flagged cells need before any can be confirmed."""
    return blocks_needed(flagged, sides=1) if flagged else 0
