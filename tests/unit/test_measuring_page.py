"""What the page is told, and the statistics that are drawn from its answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import OutputUnreadable, RunFailed
from harness.model import Tensor
from harness.options import Sampling
from harness.tools import measuring_page

DURATIONS = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=200)
FACTS = {"cross_origin_isolated": True, "shared_array_buffer": True, "user_agent": "none"}


def answer(**said: Any) -> measuring_page.PageAnswer:
    base = {"schema": 1, "pass": "latency", "facts": FACTS}
    return measuring_page.read_answer(json.dumps(base | said).encode())


def timed(samples: list[float], batch: int = 1) -> measuring_page.PageAnswer:
    return answer(timed={"samples_ms": samples, "batch_size": batch, "elapsed_ms": sum(samples)})


@settings(deadline=None)
@given(DURATIONS, st.floats(0, 1))
def test_a_percentile_is_the_one_of_definition_7(values: list[float], share: float) -> None:
    expected = np.quantile(values, share, method="linear")
    assert measuring_page.percentile(values, share) == pytest.approx(float(expected))


@settings(deadline=None)
@given(DURATIONS)
def test_statistics_are_ordered_and_in_seconds(samples: list[float]) -> None:
    got = {m.metric: m.value or 0.0 for m in measuring_page.latency(timed(samples))}
    ordered = [got[f"latency_{name}"] for name in ("min", "p50", "p90", "p95", "max")]
    assert ordered == sorted(ordered)
    assert got["latency_max"] == pytest.approx(max(samples) / 1000)
    # A mean may round past the one value that all samples have.
    assert ordered[0] <= got["latency_mean"] * (1 + 1e-12)
    assert got["latency_mean"] <= ordered[-1] * (1 + 1e-12)


@settings(deadline=None)
@given(DURATIONS, st.integers(2, 1000))
def test_batches_keep_the_mean_and_lose_the_order(samples: list[float], batch: int) -> None:
    single = {m.metric: m for m in measuring_page.latency(timed(samples))}
    batched = {m.metric: m for m in measuring_page.latency(timed(samples, batch))}
    assert single["latency_mean"] == batched["latency_mean"]
    assert single["samples"] == batched["samples"]
    assert batched["latency_p50"].value is None
    assert str(batch) in batched["latency_p50"].absent


def test_no_time_at_all_is_below_the_timer_resolution() -> None:
    with pytest.raises(RunFailed) as caught:
        measuring_page.latency(timed([0.0, 0.0]))
    assert caught.value.kind == "below-timer-resolution"


def test_the_cold_start_adds_up() -> None:
    warmup = {"iterations": 4, "elapsed_ms": 10.0, "shortest_ms": 2.0}
    said = answer(init_ms=20.0, load_ms=30.0, first_inference_ms=50.0, warmup=warmup)
    got = {m.metric: m.value for m in measuring_page.cold_start(said)}
    assert got == {
        "init": 0.02,
        "load": 0.03,
        "first_inference": 0.05,
        "time_to_first_result": pytest.approx(0.1),
        "warmup_mean": 0.0025,
    }


def test_no_warm_up_has_no_mean() -> None:
    warmup = {"iterations": 0, "elapsed_ms": 0.0, "shortest_ms": None}
    said = answer(init_ms=1.0, load_ms=1.0, first_inference_ms=1.0, warmup=warmup)
    (mean,) = (m for m in measuring_page.cold_start(said) if m.metric == "warmup_mean")
    assert mean.value is None
    assert mean.absent


@pytest.mark.parametrize("missing", ["init_ms", "load_ms", "first_inference_ms", "warmup"])
def test_a_cold_start_that_was_not_measured_is_unreadable(missing: str) -> None:
    warmup = {"iterations": 1, "elapsed_ms": 1.0}
    said = {"init_ms": 1.0, "load_ms": 1.0, "first_inference_ms": 1.0, "warmup": warmup}
    del said[missing]
    with pytest.raises(OutputUnreadable):
        measuring_page.cold_start(answer(**said))


@pytest.mark.parametrize(
    "said",
    [
        {"timed": {"samples_ms": [-1.0], "batch_size": 1, "elapsed_ms": 1.0}},
        {"timed": {"samples_ms": [], "batch_size": 1, "elapsed_ms": 1.0}},
        {"timed": {"samples_ms": [1.0], "batch_size": 0, "elapsed_ms": 1.0}},
        {"timed": {"samples_ms": ["1"], "batch_size": 1, "elapsed_ms": 1.0}},
        {"init_ms": -1},
        {"clock_tick_ms": 0},
        {"schema": 2},
        {"pass": "other"},
        {"facts": {}},
    ],
)
def test_an_answer_that_makes_no_sense_is_unreadable(said: dict[str, Any]) -> None:
    with pytest.raises(OutputUnreadable) as caught:
        answer(**said)
    assert caught.value.hint


def test_outputs_come_back_as_they_were() -> None:
    data = np.arange(6, dtype="<f4").tobytes()
    said = {"name": "y", "shape": [2, 3], "dtype": "float32", "base64": _encoded(data)}
    assert measuring_page.outputs(answer(output_sets=[[said]])) == (
        Tensor("y", (2, 3), "float32", data),
    )


@pytest.mark.parametrize(
    ("shape", "text"), [([2, 3], _bad) for _bad in ("", "AAAA", "not base64", "é")]
)
def test_outputs_whose_bytes_do_not_fit_are_unreadable(shape: list[int], text: str) -> None:
    said = {"name": "y", "shape": shape, "dtype": "float32", "base64": text}
    with pytest.raises(OutputUnreadable):
        measuring_page.outputs(answer(output_sets=[[said]]))


def test_no_outputs_are_unreadable() -> None:
    for said in (answer(output_sets=[]), answer(output_sets=[[]])):
        with pytest.raises(OutputUnreadable):
            measuring_page.outputs(said)


def test_everything_that_the_page_fetches_lies_below_its_own_address() -> None:
    config = measuring_page.page_config(
        url="http://127.0.0.1:1/r/x/",
        pass_="latency",
        call=measuring_page.RuntimeCall(("a.js",), {"backend": "none"}),
        input_sets=[[Tensor("x", (1,), "float32", b"\0\0\0\0")]],
        sampling=Sampling(),
    )
    assert config["runtime"] == {"backend": "none"}
    assert config["scripts"] == ["http://127.0.0.1:1/r/x/a.js"]
    assert config["input_sets"][0][0]["url"] == "http://127.0.0.1:1/r/x/input/0/0.bin"


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
