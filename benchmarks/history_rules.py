"""The rules for change points: false alerts a night, and steps found within 3, 7 and 14 nights.

    python benchmarks/history_rules.py [--nights 2000] [--steps 400] [--seed 1]

Simulated are 200 cells, whose value of a night is the median of 10 launches. Launches vary by 0.3 %
(30 % of cells), 1 % (40 %), 3 % (15 %), or by 1 % with a mode that is 8 % slower in a quarter of
them (15 %); nights vary by 0.5, 1, 2 and 1 %, with a correlation of 0.3 between neighbours, and 2 %
of nights are bad by 3 to 30 %. A step comes in 10 of the cells at night 100. Claimed: at most 0.05
false alerts a night over all cells; a step of 5 % is found within 14 nights in at least 70 % of
cells, one of 10 % in at least 90 %, and within 3 nights in at least 80 %.

The noise is an assumption, and the answer hangs on it: nights that themselves have two modes, 8 %
apart, raise ten times as many alerts. A laboratory's own noise is in its index.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import deque

import numpy as np
import numpy.typing as npt
from machine_load import machine_line

from harness.statistics.change_points import WINDOW, changes_of_a_night

CELLS = 200
STEPPED = 10
STEP_AT = 100
LOOKS = (3, 7, 14)
MOST_FALSE_ALERTS = 0.05
LEAST_FOUND = {0.02: (0.0, 0.0, 0.0), 0.05: (0.0, 0.0, 0.7), 0.10: (0.8, 0.8, 0.9)}
CORRELATION = 0.3
LAUNCHES = 10
BIMODAL = 3
_OF_LAUNCHES = (0.003, 0.01, 0.03, 0.01)
_OF_NIGHTS = (0.005, 0.01, 0.02, 0.01)
_SHARES = (0.3, 0.4, 0.15, 0.15)


def quiet_nights(dice: np.random.Generator, nights: int) -> npt.NDArray[np.float64]:
    """Return log values without any change, a row per cell."""
    kinds = dice.choice(len(_SHARES), CELLS, p=_SHARES)
    own = dice.normal(size=(CELLS, nights))
    for night in range(1, nights):
        own[:, night] = (
            CORRELATION * own[:, night - 1] + math.sqrt(1 - CORRELATION**2) * own[:, night]
        )
    launches = dice.normal(size=(CELLS, nights, LAUNCHES))
    launches *= np.array(_OF_LAUNCHES)[kinds][:, None, None]
    slow_mode = dice.random(launches.shape) < 0.25
    launches += 0.08 * (slow_mode & (kinds == BIMODAL)[:, None, None])
    bad = dice.random((CELLS, nights)) < 0.02
    values: npt.NDArray[np.float64] = own * np.array(_OF_NIGHTS)[kinds][:, None]
    values += np.median(launches, axis=2) + bad * dice.uniform(0.03, 0.3, (CELLS, nights))
    return values


def alerts(values: npt.NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Return (night seen, cell, first different night) of every change, night by night."""
    rows = [deque[float](maxlen=WINDOW) for _ in range(len(values))]
    found = []
    for night in range(values.shape[1]):
        for cell, row in enumerate(rows):
            row.append(float(values[cell, night]))
        seen = changes_of_a_night({cell: tuple(row) for cell, row in enumerate(rows)})
        for cell, change in seen.items():
            found.append((night, cell, night - change.seen + change.at))
            for _ in range(change.at):
                rows[cell].popleft()
    return found


def false_alerts(dice: np.random.Generator, nights: int) -> tuple[float, float, float, float]:
    """Return alerts a night and its error, the share of nights with any and its error."""
    per_night: list[int] = []
    while len(per_night) < nights:
        values = quiet_nights(dice, STEP_AT + 100)
        counts = np.zeros(values.shape[1], dtype=int)
        for night, _, _ in alerts(values):
            counts[night] += 1
        per_night += [int(count) for count in counts[STEP_AT:]]
    counted = np.array(per_night)
    share = float((counted > 0).mean())
    return (
        float(counted.mean()),
        float(counted.std(ddof=1) / math.sqrt(len(counted))),
        share,
        math.sqrt(share * (1 - share) / len(counted)),
    )


def found_within(
    dice: np.random.Generator, effect: float, steps: int
) -> tuple[list[float], list[float]]:
    """Return the share of steps found within 3, 7 and 14 nights, and the errors of the shares."""
    delays: list[float] = []
    while len(delays) < steps:
        values = quiet_nights(dice, STEP_AT + max(LOOKS))
        values[:STEPPED, STEP_AT:] += math.log1p(effect)
        first = dict.fromkeys(range(STEPPED), math.inf)
        for night, cell, _ in alerts(values):
            if cell < STEPPED and night >= STEP_AT:
                first[cell] = min(first[cell], night - STEP_AT + 1)
        delays += first.values()
    taken = np.array(delays[:steps])
    shares = [float((taken <= look).mean()) for look in LOOKS]
    return shares, [math.sqrt(share * (1 - share) / steps) for share in shares]


def main() -> int:
    """Simulate and print; returns 0 if the claims hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nights", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = np.random.default_rng(arguments.seed)
    print(f"machine  {machine_line()}")
    rate, rate_error, share, share_error = false_alerts(dice, arguments.nights)
    print(f"{arguments.nights} nights of {CELLS} cells without a change:")
    print(f"  {rate:.3f} ± {rate_error:.3f} false alerts a night", end="; ")
    print(f"{100 * share:.1f} ± {100 * share_error:.1f} % of nights have one")
    print(f"steps in {STEPPED} of {CELLS} cells, {arguments.steps} of each size, found within")
    print("  effect  " + "".join(f"{look:>9} nights" for look in LOOKS))
    held = rate <= MOST_FALSE_ALERTS
    for effect, least in LEAST_FOUND.items():
        shares, errors = found_within(dice, effect, arguments.steps)
        told = "".join(
            f"  {100 * s:5.1f} ± {100 * e:3.1f} %" for s, e in zip(shares, errors, strict=True)
        )
        print(f"  {effect:5.0%}   {told}")
        held = held and all(s >= at_least for s, at_least in zip(shares, least, strict=True))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
