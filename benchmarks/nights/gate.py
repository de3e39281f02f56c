"""Whole nights of the gate: every cell screened, flagged ones measured again, by its own code.

Each cell has a time, and the last good build is the pinned reference too. Memory, which is judged
by its own thresholds and shares the family of what is flagged, is not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.gate.judging import Evidence, flagged, judge_pairs
from harness.gate.observing import LATENCY, Key, Pairs
from harness.model import Cell
from harness.store.gate_record import RED
from harness.suite.gate_keys import GateKeys
from nights.noise import Noise, chunks, draw, of_mix
from nights.shares import NOTHING, Share
from nights.told import MIN_EFFECT

CELLS = 200
SLOW_CELLS = 10
KEYS = GateKeys()
"""The gate's defaults."""


@dataclass(slots=True)
class Nights:
    """What the gate found in some nights of one kind.

    `alarmed` are nights with an alarm on a cell that did not change, `caught` truly slower cells
    that were found that night, in all and by kind of noise; `flagged` counts cells over all nights.
    """

    alarmed: Share = NOTHING
    caught: Share = NOTHING
    by_kind: dict[str, Share] = field(default_factory=dict)
    flagged: int = 0

    @property
    def flagged_a_night(self) -> float:
        return self.flagged / self.alarmed.trials

    @property
    def more_launches(self) -> float:
        """The launches of fresh blocks, as a share of those of screening."""
        return self.flagged_a_night * KEYS.confirm_blocks / (CELLS * KEYS.blocks)


def nights(number: int, effect: float, dice: np.random.Generator) -> Nights:
    """Simulate nights in which some cells are slower by an effect; none is where it is 0."""
    found = Nights()
    kinds = [noise for noise, count in of_mix(CELLS) for _ in range(count)]
    for screened in _screens(number, dice):
        slow = np.zeros(CELLS, bool)
        if effect:
            slow[dice.choice(CELLS, SLOW_CELLS, replace=False)] = True
        shifts = math.log1p(effect) * slow
        pairs = _pairs(dict(enumerate((screened + shifts[:, None]).tolist())))
        again = flagged(pairs)
        cells = [int(cell.model) for cell, _, _ in again]
        fresh = {
            cell: (_logs(kinds[cell], 1, KEYS.confirm_blocks, dice)[0] + shifts[cell]).tolist()
            for cell in cells
        }
        judged = judge_pairs(Evidence(pairs, again, _pairs(fresh)))
        red = {int(each.cell.model) for each in judged if each.verdict in RED}
        found.flagged += len(again)
        found.alarmed += Share(int(any(not slow[cell] for cell in red)), 1)
        for cell in np.flatnonzero(slow).tolist():
            caught, name = Share(int(cell in red), 1), kinds[cell].name
            found.caught += caught
            found.by_kind[name] = found.by_kind.get(name, NOTHING) + caught
    return found


def _pairs(logs: Mapping[int, Sequence[float]]) -> dict[Key, Pairs]:
    """Return what the gate sees of cells that are numbered."""
    return {
        (Cell(str(number), "fp32", "phone", "cpu"), LATENCY, "last good"): Pairs(
            LATENCY,
            "s",
            threshold=MIN_EFFECT,
            logs=tuple(own),
            look_again=max(MIN_EFFECT, KEYS.max_drift),
            is_reference=True,
        )
        for number, own in logs.items()
    }


def _screens(number: int, dice: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield the log ratios of each night's screening: cells × blocks."""
    for size in chunks(number, most=20):
        parts = [
            _logs(noise, size * count, KEYS.blocks, dice).reshape(size, count, KEYS.blocks)
            for noise, count in of_mix(CELLS)
        ]
        yield from np.concatenate(parts, axis=1)


def _logs(noise: Noise, pairs: int, blocks: int, dice: np.random.Generator) -> NDArray[np.float64]:
    return np.concatenate([draw(noise, size, blocks, dice).log_ratios() for size in chunks(pairs)])
