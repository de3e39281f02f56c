"""Pairs of identical arms, and of arms of which one is truly slower, judged by every method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.statistics.paired import paired_ratio, verdict
from nights.noise import Noise, Pairs, chunks, draw
from nights.shares import Share
from nights.told import (
    MIN_EFFECT,
    Told,
    launches_welch,
    pooled_bootstrap,
    pooled_mann_whitney,
    pooled_t,
)

OURS = "ours: signed rank over block ratios"
APART = "ours, but all of A first, then all of B"
EFFECTS = (0.0, 0.02, 0.05, 0.10)


def ours(pairs: Pairs, effect: float) -> Told:
    """Judge by the code that judges every ratio of the harness."""
    # A ratio is a speed-up, so that what takes longer is below 1.
    estimates = [paired_ratio(row) for row in (-(pairs.log_ratios() + effect)).tolist()]
    verdicts = np.array([verdict(estimate, MIN_EFFECT) for estimate in estimates])
    ends = np.array([(e.low or math.nan, e.high or math.nan) for e in estimates])
    low, high = -np.log(ends[:, 1]), -np.log(ends[:, 0])
    return Told((low > 0) | (high < 0), verdicts == "slower", verdicts == "faster", low, high)


METHODS: Mapping[str, Callable[[Pairs, float], Told]] = {
    OURS: ours,
    "launch medians, Welch t, not paired": launches_welch,
    "all samples pooled, Student t": pooled_t,
    "all samples pooled, Mann-Whitney": pooled_mann_whitney,
    "all samples pooled, bootstrap of medians": pooled_bootstrap,
}


@dataclass(slots=True)
class Tally:
    """What one method said of all pairs, by true effect."""

    trials: dict[float, int] = field(default_factory=dict)
    found: dict[float, int] = field(default_factory=dict)
    slower: dict[float, int] = field(default_factory=dict)
    called: dict[float, int] = field(default_factory=dict)
    covered: dict[float, int] = field(default_factory=dict)
    widths: list[float] = field(default_factory=list)

    def add(self, effect: float, told: Told) -> None:
        """Count a chunk of pairs."""
        counts = {
            "trials": len(told.found),
            "found": told.found.sum(),
            "slower": told.slower.sum(),
            "called": (told.slower | told.faster).sum(),
        }
        if told.low is not None and told.high is not None:
            truth = math.log1p(effect)
            counts["covered"] = ((told.low <= truth) & (truth <= told.high)).sum()
            self.widths += ((told.high - told.low) / 2).tolist()
        for name, count in counts.items():
            of_effect: dict[float, int] = getattr(self, name)
            of_effect[effect] = of_effect.get(effect, 0) + int(count)

    def share(self, what: str, effect: float) -> Share:
        """Return the share of pairs of which that was said."""
        counts: dict[float, int] = getattr(self, what)
        return Share(counts[effect], self.trials[effect])


def tallies(
    kinds: Iterable[tuple[Noise, int]],
    blocks: int,
    dice: np.random.Generator,
    *,
    effects: Sequence[float] = EFFECTS,
) -> dict[str, Tally]:
    """Draw so many pairs of each kind, and let every method judge them at every true effect.

    The arms that are not interleaved are other pairs of the same kinds.
    """
    found = {name: Tally() for name in (*METHODS, APART)}
    for noise, count in kinds:
        for size in chunks(count):
            pairs = draw(noise, size, blocks, dice)
            apart = draw(noise, size, blocks, dice, interleaved=False)
            for effect in effects:
                shift = math.log1p(effect)
                for name, judge in METHODS.items():
                    found[name].add(effect, judge(pairs, shift))
                found[APART].add(effect, ours(apart, shift))
    return found


def table(found: Mapping[str, Tally]) -> list[str]:
    """Return what all methods said, in percent, as the lines of a Markdown table."""
    lines = [
        (
            "| method | A/A p < .05 | A/A called faster or slower | 2 % called slower | 5 % | 10 % "
            "| interval covers the truth | half width |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, tally in found.items():
        powers = [tally.share("slower", effect) for effect in EFFECTS[1:]]
        covered = tally.share("covered", 0.0) if tally.covered else "no interval"
        width = f"{100 * float(np.median(tally.widths)):.1f} %" if tally.widths else "–"
        shares = [tally.share("found", 0.0), tally.share("called", 0.0), *powers, covered]
        lines.append(f"| {name} | {' | '.join(map(str, shares))} | {width} |")
    return lines
