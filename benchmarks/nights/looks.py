"""Pairs measured until their interval is narrow enough, by the rule of `precision:`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from harness.statistics.paired import paired_ratio, signed_rank_p, verdict
from harness.statistics.sequential import LOOKS, look
from nights.noise import Noise, chunks, draw
from nights.shares import NOTHING, Share
from nights.told import LEVEL, MIN_EFFECT

PRECISION = 0.02
_FASTER_OR_SLOWER = {"faster", "slower"}


@dataclass(slots=True)
class Stopped:
    """What was said of pairs when their sampling ended, at one true effect."""

    called: Share = NOTHING
    slower: Share = NOTHING
    covered: Share = NOTHING
    blocks: list[int] = field(default_factory=list)

    @property
    def mean_blocks(self) -> float:
        return float(np.mean(self.blocks))


def stopped(
    kinds: Iterable[tuple[Noise, int]], effect: float, dice: np.random.Generator
) -> Stopped:
    """Draw so many pairs of each kind, and look at each until it is narrow enough."""
    found = Stopped()
    truth = math.log1p(effect)
    for noise, count in kinds:
        for size in chunks(count):
            for logs in (draw(noise, size, LOOKS[-1], dice).log_ratios() + truth).tolist():
                _add(found, truth, logs[: _blocks(logs)])
    return found


def found_at_any_look(kinds: Iterable[tuple[Noise, int]], dice: np.random.Generator) -> Share:
    """Return how many identical pairs differ by p at one look at least: what not to stop on."""
    found = NOTHING
    for noise, count in kinds:
        for size in chunks(count):
            for logs in draw(noise, size, LOOKS[-1], dice).log_ratios().tolist():
                hit = any(signed_rank_p(logs[:number]) <= LEVEL for number in LOOKS)
                found += Share(int(hit), 1)
    return found


def _blocks(logs: list[float]) -> int:
    for number in LOOKS:
        if look({"ratio": logs[:number]}, {}).is_enough(PRECISION):
            return number
    return LOOKS[-1]


def _add(found: Stopped, truth: float, logs: list[float]) -> None:
    # A ratio is a speed-up, so that what takes longer is below 1.
    estimate = paired_ratio([-log for log in logs])
    said = verdict(estimate, MIN_EFFECT)
    assert estimate.low is not None
    assert estimate.high is not None
    covered = estimate.low <= math.exp(-truth) <= estimate.high
    found.called += Share(int(said in _FASTER_OR_SLOWER), 1)
    found.slower += Share(int(said == "slower"), 1)
    found.covered += Share(int(covered), 1)
    found.blocks.append(len(logs))
