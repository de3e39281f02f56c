"""What a page says of its stages becomes numbers only where the clock can tell them."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import RunFailed
from harness.metrics import definition, stage_metric
from harness.model import Measurement
from harness.tools.measuring_page import read_answer
from harness.tools.workload_page import MOST_STAGES, TICKS_PER_SAMPLE, measurements

FACTS = {"cross_origin_isolated": True, "shared_array_buffer": True, "user_agent": "made up"}
TICK_MS = 0.005


def measured(
    stages: dict[str, list[float]],
    totals: list[float],
    *,
    batch: int = 1,
    schedule: dict[str, Any] | None = None,
    tick_ms: float | None = TICK_MS,
) -> dict[str, Measurement]:
    answer = {
        "schema": 1,
        "pass": "latency",
        "clock_tick_ms": tick_ms,
        "timed": {"samples_ms": totals, "batch_size": batch, "elapsed_ms": sum(totals)},
        "workload": {"stages_ms": stages, "schedule": schedule},
        "facts": FACTS,
    }
    return {m.metric: m for m in measurements(read_answer(json.dumps(answer).encode()))}


def test_a_stage_has_its_median_its_mean_and_its_share() -> None:
    found = measured({"infer": [3.0, 3.0, 6.0], "decode": [1.0, 1.0, 1.0]}, [5.0, 5.0, 8.0])
    assert found["stage_p50:infer"].value == pytest.approx(0.003)
    assert found["stage_mean:infer"].value == pytest.approx(0.004)
    assert found["stage_share:infer"].value == pytest.approx(12 / 18)
    assert found["iteration_rate"].value == pytest.approx(1000 / 6)
    for metric in found.values():
        known = definition(metric.metric)
        assert known is not None
        assert known.unit == metric.unit


def test_a_stage_between_the_two_limits_has_a_mean_and_no_median() -> None:
    n = 25
    found = measured({"short": [40 * TICK_MS] * n}, [10.0] * n)
    assert found["stage_mean:short"].value
    assert found["stage_p50:short"].value is None
    assert "shorter than 0.5 ms" in found["stage_p50:short"].absent
    shorter = measured({"short": [19 * TICK_MS] * n}, [10.0] * n)
    assert shorter["stage_mean:short"].absent == ("below timer resolution: shorter than 0.1 ms")


def test_iterations_in_batches_have_no_stages() -> None:
    found = measured({"infer": []}, [0.01, 0.01], batch=64)
    assert "batches" in found["stage_mean:infer"].absent
    assert found["stage_share:infer"].value is None


def test_frames_that_are_not_taken_are_dropped() -> None:
    said = {"frames_due": 60, "frames_done": 45, "elapsed_ms": 2000.0}
    assert measured({}, [45.0], schedule=said)["dropped_frames"].value == pytest.approx(0.25)
    assert "dropped_frames" not in measured({}, [45.0])


@given(
    st.lists(st.lists(st.floats(0, 100), min_size=4, max_size=4), min_size=1, max_size=6),
    st.floats(0, 50),
)
@settings(deadline=None)
def test_shares_never_come_to_more_than_the_whole(
    stages: list[list[float]], outside: float
) -> None:
    totals = [math.fsum(parts) + outside for parts in zip(*stages, strict=True)]
    found = measured({f"s{i}": parts for i, parts in enumerate(stages)}, totals)
    shares = [m.value or 0 for name, m in found.items() if name.startswith("stage_share")]
    assert math.fsum(shares) <= 1 + 1e-9


@pytest.mark.parametrize("tick", [0.005, 0.02, 0.1, 1.0])
@pytest.mark.parametrize("n", [10, 60])
def test_the_mean_of_n_readings_of_a_blunt_clock_is_as_good_as_one_of_100_ticks(
    tick: float, n: int
) -> None:
    draw = random.Random(7)
    true = TICKS_PER_SAMPLE / math.sqrt(n) * tick
    errors = []
    for _ in range(400):
        readings = []
        now = draw.random() * tick
        for _ in range(n):
            began = math.floor(now / tick) * tick
            now += true
            readings.append(math.floor(now / tick) * tick - began)
            now += draw.uniform(5, 15) * tick  # whatever follows the stage
        errors.append(math.fsum(readings) / n / true - 1)
    # One reading is off by at most a tick, and by at most half a tick as a standard deviation.
    spread = math.sqrt(math.fsum(error**2 for error in errors) / len(errors))
    assert spread < 0.5 / TICKS_PER_SAMPLE * 1.1
    assert max(map(abs, errors)) < 0.02


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[31m", "\u202ertl", "x" * 65])
def test_a_name_that_no_table_can_show_is_a_mistake_of_the_workload(name: str) -> None:
    with pytest.raises(RunFailed) as caught:
        measured({name: [1.0]}, [1.0])
    assert caught.value.kind == "workload-error"
    assert caught.value.message.isprintable()


def test_stages_without_end_are_a_mistake_of_the_workload() -> None:
    stages = {f"frame {i}": [0.1] for i in range(MOST_STAGES + 1)}
    with pytest.raises(RunFailed, match=f"{MOST_STAGES + 1} stages"):
        measured(stages, [10.0])


@pytest.mark.parametrize("name", ["latency_p50:x", "stage_p50:", "stage_p99:x", "stage_p50"])
def test_what_is_no_stages_metric_has_no_definition(name: str) -> None:
    assert definition(name) is None
    assert definition(stage_metric("p50", "x:y")) is not None
