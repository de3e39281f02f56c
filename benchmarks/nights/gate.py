"""Whole nights of the gate: every cell screened, flagged ones confirmed, by the gate's own rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.statistics.screening import CONFIRM_BLOCKS, SCREEN_BLOCKS, confirm, screen
from nights.noise import Noise, chunks, draw, of_mix
from nights.shares import NOTHING, Share
from nights.told import MIN_EFFECT

CELLS = 200
SLOW_CELLS = 10


@dataclass(slots=True)
class Nights:
    """What the gate found in some nights of one kind.

    `alarmed` are nights with an alarm on a cell that did not change, `caught` truly slower cells
    that were found that night, in all and by kind of noise; `flagged` counts cells over all nights.
    """

    alarmed: Share = NOTHING
    false_alarms: int = 0
    caught: Share = NOTHING
    by_kind: dict[str, Share] = field(default_factory=dict)
    flagged: int = 0

    @property
    def flagged_a_night(self) -> float:
        return self.flagged / self.alarmed.trials

    @property
    def more_launches(self) -> float:
        """The launches of confirming, as a share of those of screening."""
        return self.flagged_a_night * CONFIRM_BLOCKS / (CELLS * SCREEN_BLOCKS)


def nights(number: int, effect: float, dice: np.random.Generator) -> Nights:
    """Simulate nights in which some cells are slower by an effect; none is where it is 0."""
    found = Nights()
    kinds = [noise for noise, count in of_mix(CELLS) for _ in range(count)]
    for screened in _screens(number, dice):
        slow = np.zeros(CELLS, bool)
        if effect:
            slow[dice.choice(CELLS, SLOW_CELLS, replace=False)] = True
        moved = screened + math.log1p(effect) * slow[:, None]
        flagged = [cell for cell, logs in enumerate(moved.tolist()) if screen(logs)]
        fresh = {
            cell: (_logs(kinds[cell], 1, CONFIRM_BLOCKS, dice)[0] + math.log1p(effect) * slow[cell])
            for cell in flagged
        }
        judged = confirm({c: logs.tolist() for c, logs in fresh.items()}, min_effect=MIN_EFFECT)
        alarms = {cell for cell, each in judged.items() if each.confirmed}
        false = sum(not slow[cell] for cell in alarms)
        found.flagged += len(flagged)
        found.false_alarms += false
        found.alarmed += Share(int(false > 0), 1)
        for cell in np.flatnonzero(slow).tolist():
            caught, name = Share(int(cell in alarms), 1), kinds[cell].name
            found.caught += caught
            found.by_kind[name] = found.by_kind.get(name, NOTHING) + caught
    return found


def _screens(number: int, dice: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield the log ratios of each night's screen: cells × blocks."""
    for size in chunks(number, most=20):
        parts = [
            _logs(noise, size * count, SCREEN_BLOCKS, dice).reshape(size, count, SCREEN_BLOCKS)
            for noise, count in of_mix(CELLS)
        ]
        yield from np.concatenate(parts, axis=1)


def _logs(noise: Noise, pairs: int, blocks: int, dice: np.random.Generator) -> NDArray[np.float64]:
    return np.concatenate([draw(noise, size, blocks, dice).log_ratios() for size in chunks(pairs)])
