"""Slow creep cannot pass: whatever is small each night is stopped by its distance to the reference."""

from __future__ import annotations

import math
import random

from gate_parts import CELL, KEYS, build, night_of
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gate.builds import Build, Part
from harness.gate.decision import Night, decide, exit_code, next_reference
from harness.gate.judging import Evidence, flagged
from harness.gate.observing import Key, Pairs
from harness.gate.twins import Builds, Twins
from harness.store.gate_record import GateRecord

LATENCY = "latency"


def pairs(
    dice: random.Random, levels: tuple[float, float, float], noise: float, blocks: int
) -> dict[Key, Pairs]:
    """Return what `blocks` blocks say of a candidate beside last good and reference; log levels."""
    candidate, last_good, reference = levels
    found: dict[Key, Pairs] = {}
    runs = [[dice.gauss(level, noise) for level in levels] for _ in range(blocks)]
    both = last_good == reference
    logs = tuple(run[0] - run[1] for run in runs)
    beside = Pairs(LATENCY, "s", 0.02, 1, 1, logs, look_again=0.03, is_reference=both)
    found[CELL, LATENCY, "last good"] = beside
    if not both:
        logs = tuple(run[0] - run[2] for run in runs)
        found[CELL, LATENCY, "reference"] = Pairs(LATENCY, "s", 0.02, 1, 1, logs, look_again=0.03)
    assert candidate == levels[0]
    return found


def night(dice: random.Random, levels: tuple[float, float, float], noise: float) -> GateRecord:
    screened = pairs(dice, levels, noise, 6)
    again = flagged(screened)
    fresh = pairs(dice, levels, noise, 12) if again else None
    builds = Builds(build("c"), build("b"), build("a"))
    return decide(
        Night(
            "s",
            "",
            {},
            night_of(builds.last_good),
            builds,
            Twins(),
            Evidence(screened, again, fresh),
            {},
            {},
            KEYS,
            whole=False,
        )
    )


def moves(record: GateRecord) -> bool:
    """Tell whether nothing but the made-up night's being partial is in the way."""
    return record.why_not_moved == "only some cells were measured (--only)"


@given(seed=st.integers(0, 2**32), step=st.floats(0.004, 0.018), noise=st.floats(0, 0.005))
@settings(deadline=None, max_examples=60)
def test_no_creep_takes_last_good_far_from_the_reference(
    seed: int, step: float, noise: float
) -> None:
    dice = random.Random(seed)
    candidate = last_good = 0.0
    told = False
    for _ in range(20):
        candidate += math.log1p(step)
        record = night(dice, (candidate, last_good, 0.0), noise)
        if moves(record):
            last_good = candidate
        told = exit_code(record) == 1
    # Four standard errors of the estimate from twelve blocks lie beyond the bound at most.
    assert last_good <= math.log1p(0.03) + 4 * noise * math.sqrt(2 / 6)
    assert told or candidate <= math.log1p(0.03) + 4 * noise


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_builds_that_are_equally_fast_move_on_without_an_alarm(seed: int) -> None:
    dice = random.Random(seed)
    records = [night(dice, (0.0, 0.0, 0.0), 0.003) for _ in range(10)]
    assert all(exit_code(record) == 0 for record in records)
    assert all(moves(record) for record in records)


def test_a_chain_of_nights_without_noise_stops_at_the_third_percent() -> None:
    dice = random.Random(1)
    last_good = 0.0
    moved = []
    for number in range(1, 8):
        candidate = number * math.log1p(0.0099)
        record = night(dice, (candidate, last_good, 0.0), 0.0)
        moved.append(moves(record))
        last_good = candidate if moved[-1] else last_good
    assert moved == [True, True, True, False, False, False, False]


def test_the_reference_stays_but_for_what_is_new_accepted_or_pinned() -> None:
    def part(name: str) -> Part:
        return Part(name, name, "f", 1, {"f": name})

    reference = Build({"model:m/f/tflite": part("1"), "tool:t/arm": part("2")})
    candidate = Build(
        {"model:m/f/tflite": part("3"), "tool:t/arm": part("4"), "model:n/f/tflite": part("5")}
    )

    def known(build_: Build) -> list[str]:
        return [build_.parts[name].sha256 for name in sorted(build_.parts)]

    assert known(next_reference(reference, candidate, frozenset(), pins=False)) == ["1", "5", "2"]
    meant = frozenset({"tool:t/arm"})
    assert known(next_reference(reference, candidate, meant, pins=False)) == ["1", "5", "4"]
    assert known(next_reference(reference, candidate, frozenset(), pins=True)) == ["3", "5", "4"]
