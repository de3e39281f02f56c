"""Whole nights through the gate's own decision: false alarms, slowdowns found, how often it moves.

    python benchmarks/gate_nights.py [--nights 2000] [--slow-nights 300] [--seed 1]

`statistics_proof.py` shows what the rule for latency does. This has everything in it that a gate
decides by: `flagged`, `judge_pairs` and `drift_of` over latency and memory together, one family for
Holm's rule, and the bound of the pinned reference. Latency has the noise of `nights/noise.py`,
200 cells of its mix; memory of each cell is a quiet method (a run varies by 0.5 %) and a noisy one
(3 %), in 3 rounds. Tonight's build is compared with a last good one that is the reference.
Ends with 1 if a claim is not shown.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from machine_load import machine_line
from nights.gate import CELLS, SLOW_CELLS
from nights.noise import chunks, draw, of_mix
from nights.shares import NOTHING, Claim, Share

from harness.gate.judging import Evidence, drift_of, flagged, judge_pairs
from harness.gate.observing import LATENCY, Key, Pairs
from harness.model import Cell
from harness.statistics.screening import CONFIRM_BLOCKS, SCREEN_BLOCKS, reach
from harness.suite.gate_keys import GateKeys

ROUNDS = 3
MEMORY = {"vm_hwm": 0.005, "renderer_uss": 0.03}
KEYS = GateKeys()
LEAST = 0.02
LEAST_FOUND = {0.0: 0.0, 0.05: 0.75, 0.10: 0.97}
NAMES = [Cell(f"cell {number}", "fp32", "phone", "cpu") for number in range(CELLS)]


def main() -> int:
    """Simulate and print; returns 0 if every claim is shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=2000)
    parser.add_argument("--slow-nights", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = np.random.default_rng(arguments.seed)
    print(f"machine {machine_line()}, numpy {np.__version__}, seed {arguments.seed}\n")
    print(
        "| nights | red by mistake | found that night | last good moves | cells measured again |\n"
        "|---|---|---|---|---|"
    )
    claims = []
    begun = time.process_time()
    for effect, least in LEAST_FOUND.items():
        number = arguments.slow_nights if effect else arguments.nights
        found = simulated(number, effect, dice)
        told = f"{SLOW_CELLS} cells {effect:.0%} slower" if effect else "quiet"
        shares = (str(found.caught), "–") if effect else ("–", str(found.moved))
        cells = [f"{number} {told}", str(found.alarmed), *shares, f"{found.again / number:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
        if effect:
            claims.append(Claim(f"a slowdown of {effect:.0%} is found", found.caught, least=least))
        else:
            text = f"quiet nights of {CELLS} cells with anything red"
            claims.append(Claim(text, found.alarmed, most=0.05))
    print(f"\n{time.process_time() - begun:.0f} CPU s")
    print("\n| claim | must be | simulated, % | |\n|---|---|---|---|")
    for claim in claims:
        print(claim)
    return 0 if all(claim.shown for claim in claims) else 1


@dataclass(slots=True)
class Nights:
    """Nights with anything red by mistake, slow cells that were found, nights that let last good
    move, and how many cells were measured again.
    """

    alarmed: Share = NOTHING
    caught: Share = NOTHING
    moved: Share = NOTHING
    again: int = 0


def simulated(number: int, effect: float, dice: np.random.Generator) -> Nights:
    """Simulate nights in which some cells are slower by an effect; none is where it is 0."""
    found = Nights()
    for _ in range(number):
        slow = set(dice.choice(CELLS, SLOW_CELLS, replace=False).tolist()) if effect else set()
        changed = {cell: math.log1p(effect) for cell in slow}
        every = range(CELLS)
        screened = pairs(every, changed, SCREEN_BLOCKS, ROUNDS, dice)
        keys = flagged(screened)
        cells = sorted({NAMES.index(cell) for cell, _, _ in keys})
        blocks = max(CONFIRM_BLOCKS, reach(len(keys)))
        evidence = Evidence(screened, keys, pairs(cells, changed, blocks, blocks, dice))
        red = {(j.cell, j.what) for j in judge_pairs(evidence) if j.verdict == "regressed"}
        true = {(NAMES[cell], LATENCY) for cell in slow}
        drifted = [each for each in drift_of(evidence) if each.exceeds]
        found.again += len(cells)
        found.alarmed += Share(int(bool(red - true)), 1)
        found.caught += Share(len(red & true), len(true))
        found.moved += Share(int(not red and not drifted), 1)
    return found


def pairs(
    cells: Collection[int],
    changed: Mapping[int, float],
    blocks: int,
    rounds: int,
    dice: np.random.Generator,
) -> dict[Key, Pairs]:
    """Return what some cells do beside the last good build."""
    found: dict[Key, Pairs] = {}
    first = 0
    for noise, count in of_mix(CELLS):
        own = [cell for cell in cells if first <= cell < first + count]
        first += count
        logs = [draw(noise, size, blocks, dice).log_ratios() for size in chunks(len(own)) if size]
        for cell, row in zip(own, np.concatenate(logs).tolist() if logs else [], strict=True):
            moved = tuple(log + changed.get(cell, 0.0) for log in row)
            found[_key(cell, LATENCY)] = Pairs(
                LATENCY, "s", LEAST, 1, 1, moved, look_again=KEYS.max_drift, is_reference=True
            )
            for method, noise_sd in MEMORY.items():
                both = dice.normal(0, noise_sd, (2, rounds))
                least = KEYS.of_memory(method)
                found[_key(cell, method)] = Pairs(
                    method,
                    "B",
                    least,
                    1,
                    1,
                    tuple((both[0] - both[1]).tolist()),
                    look_again=max(least, KEYS.max_drift),
                    is_reference=True,
                )
    return found


def _key(cell: int, what: str) -> Key:
    return (NAMES[cell], what, "last good")


if __name__ == "__main__":
    raise SystemExit(main())
