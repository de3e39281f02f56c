"""From a stored capture to numbers: pure, and safe on any bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from benchmark_model_captures import Captured, all_captures
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import OutputUnreadable
from harness.metrics import METRICS
from harness.model import Capture, Failed, Measured, Reading
from harness.options import Sampling
from harness.plugins import driver

LANE = driver("android-tflite")
CAPTURES = {capture.name.rpartition("/")[2]: capture for capture in all_captures()}
NONCE = "0f1e2d3c"
RECORD: dict[str, Any] = {
    "schema": 1,
    "pass": "latency",
    "asked": {"threads": 2},
    "flags": {},
    "command": ["benchmark_model"],
    "nonce": NONCE,
    "ended": "ended",
    "sampling": Sampling().model_dump(mode="json"),
    "device": {
        "label": "Pixel 8",
        "virtual": False,
        "hash": "01234567",
        "abi": "arm64-v8a",
        "cpu_model": "zuma",
        "os_major": "Android 15",
        "os_build": "google/shiba/15",
    },
    "tool": {"name": "benchmark_model", "abi": "arm64-v8a", "sha256": "ab" * 32},
    "inputs": [],
    "outputs": [{"name": "out", "shape": [1, 2], "dtype": "float32"}],
    "outputs_absent": "",
    "times_s": {"prepare": 0.1, "run": 3.0, "collect": 0.2},
}


def end(nonce: str = NONCE, code: int = 0) -> str:
    return (
        f"EDGEBENCH-BEGIN {nonce} uptime=10.00 load=0.25\n"
        f"EDGEBENCH-END {nonce} exit={code} uptime=13.00 load=0.50\n"
    )


def stored(
    said: Captured,
    *,
    marker: str | None = None,
    output: bytes = bytes(8),
    pass_: str = "latency",
    **changes: Any,
) -> Capture:
    record = RECORD | {"pass": pass_} | changes
    files = {
        "stdout.txt": said.stdout.encode(),
        "stderr.txt": said.stderr.encode(),
        "end.txt": (end(code=said.exit_code) if marker is None else marker).encode(),
        "run.json": json.dumps(record).encode(),
        "output.bin": output,
    }
    return Capture(files)


def metrics(reading: Reading) -> Mapping[str, float | None]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements}


def kind(reading: Reading) -> str:
    assert isinstance(reading.outcome, Failed), reading.outcome
    return reading.outcome.failure.kind


def test_a_phones_run_carries_all_facts() -> None:
    reading = LANE.read(stored(CAPTURES["threads2"]))
    assert metrics(reading)["latency_mean"] == 0.00169351
    assert metrics(reading)["latency_p50"] == 0.001125
    assert reading.setting["device"] == "Pixel 8"
    assert reading.setting["device_hash"] == "01234567"
    assert reading.setting["cpu_model"] == "zuma"
    assert reading.setting["os_major"] == "Android 15"
    assert reading.setting["context"] == "shell"
    assert reading.setting["virtual"] is False
    assert reading.subject["os_build"] == "google/shiba/15"
    assert reading.subject["tool_sha256"] == "ab" * 32
    assert reading.conditions["load1"] == 0.25
    assert reading.conditions["iterations_done"] == 588
    assert reading.outputs is not None
    assert reading.outputs[0].shape == (1, 2)


def test_every_measurement_keeps_the_definitions() -> None:
    for name in ("threads2", "fromsh_threads2", "ok_cpu", "warmup_0", "tiny_model"):
        for pass_ in ("latency", "memory"):
            outcome = LANE.read(stored(CAPTURES[name], pass_=pass_)).outcome
            assert isinstance(outcome, Measured)
            for measurement in outcome.measurements:
                definition = METRICS[measurement.metric]
                assert measurement.unit == definition.unit
                assert (definition.family == "memory") == (pass_ == "memory")
                assert (measurement.value is None) == bool(measurement.absent)


def test_what_was_not_warmed_up_has_no_first_inference() -> None:
    reading = LANE.read(stored(CAPTURES["warmup_0"]))
    found = metrics(reading)
    assert found["first_inference"] is None
    assert found["time_to_first_result"] is None
    assert found["warmup_mean"] is None
    assert found["latency_mean"] == 0.00068395


def test_times_below_a_hundred_ticks_are_no_measurement() -> None:
    found = metrics(LANE.read(stored(CAPTURES["tiny_model"])))
    assert found["latency_mean"] is None
    assert found["latency_p50"] is None
    assert found["first_inference"] is None
    assert found["init"] == 0.000766


def test_memory_hidden_by_the_launcher_is_absent_not_zero() -> None:
    found = metrics(LANE.read(stored(CAPTURES["peak_mem"], pass_="memory")))
    assert found == {
        "tool_footprint": None,
        "tool_footprint_init": None,
        "peak_rss": 15.0977 * 2**20,
        "vm_hwm": None,
        "pss": None,
    }


SAMPLE = "sample {at}.00 pss={pss} rss=20480 swap=0 hwm={hwm} cpu0=1800000 .\n"


@pytest.mark.parametrize(("count", "expected"), [(0, None), (2, None), (3, 12), (9, 18)])
def test_sampled_memory_is_the_highest_of_enough_samples(count: int, expected: int | None) -> None:
    lines = [SAMPLE.format(at=at, pss=1024 * (10 + at), hwm=1024 * 30) for at in range(count)]
    capture = stored(CAPTURES["peak_mem"], pass_="memory")
    files = {**capture.files, "samples.txt": "".join(lines).encode()}
    found = metrics(LANE.read(Capture(files)))
    assert found["pss"] == (None if expected is None else expected * 2**20)
    assert found["vm_hwm"] == (None if expected is None else 30 * 2**20)


def test_real_captures_show_why_a_small_shell_must_stand_between() -> None:
    """The same run, started by a process that held 500 MB, and through a shell of 100 MB."""
    peaks = [
        metrics(LANE.read(stored(CAPTURES[name], asked={}, pass_="memory")))["peak_rss"]
        for name in ("rss_popen_500mb", "rss_sh_fork_100mb")
    ]
    assert peaks == [513.711 * 2**20, 52.7539 * 2**20]


def test_an_end_marker_of_another_run_is_none() -> None:
    for marker in ("", end(nonce="ffffffff"), end().partition("EDGEBENCH-END")[0], end()[:-1]):
        reading = LANE.read(stored(CAPTURES["threads2"], marker=marker))
        assert kind(reading) == "no-end-marker"


def test_the_exit_code_is_the_wrappers() -> None:
    assert kind(LANE.read(stored(CAPTURES["threads2"], marker=end(code=139)))) == "crashed"


def test_a_timeout_is_told_as_such() -> None:
    reading = LANE.read(stored(CAPTURES["sigkill_mid"], marker="", ended="timed-out"))
    assert kind(reading) == "timed-out"


def test_outputs_of_another_size_are_a_failure() -> None:
    assert kind(LANE.read(stored(CAPTURES["threads2"], output=bytes(12)))) == "output-shape"
    assert kind(LANE.read(stored(CAPTURES["threads2"], output=b""))) == "output-shape"


def test_outputs_that_could_not_be_had_say_why() -> None:
    reading = LANE.read(stored(CAPTURES["threads2"], outputs_absent="no such flag"))
    assert isinstance(reading.outcome, Measured)
    assert reading.outputs is None
    assert reading.outputs_absent == "no such flag"


def test_what_was_asked_and_not_seen_is_a_mismatch() -> None:
    asked = {"threads": 4, "xnnpack": False, "delegate": "GPU"}
    reading = LANE.read(stored(CAPTURES["threads2"], asked=asked))
    assert {fact for fact, _, _ in reading.proof.mismatches()} == set(asked)


def test_threads_that_were_counted_prove_more_than_those_that_were_set() -> None:
    said = CAPTURES["threads2"]
    counted = Captured(said.name, f"INFO: #threads observed: 1\n{said.stdout}", said.stderr, 0)
    assert LANE.read(stored(counted)).proof.mismatches() == (("threads", 2, 1),)
    assert LANE.read(stored(counted)).setting["threads"] == 1


def test_a_delegate_that_took_nothing_is_not_observed() -> None:
    said = CAPTURES["made_up_e3_gpu_43541"]
    asked = {"delegate": "GPU"}
    assert not LANE.read(stored(said, asked=asked)).proof.mismatches()
    refused = Captured(
        said.name,
        said.stdout.replace(
            "Explicitly applied GPU delegate, and the model graph will be completely executed by "
            "the delegate.",
            "Though GPU delegate is explicitly applied, the model graph will not be executed by "
            "the delegate.",
        ),
        said.stderr,
        0,
    )
    assert LANE.read(stored(refused, asked=asked)).proof.mismatches() == (
        ("delegate", "GPU", None),
    )


def test_the_phases_add_up_to_the_run() -> None:
    phases = LANE.read(stored(CAPTURES["threads2"])).phases_s
    assert sum(phases.values()) == pytest.approx(3.2)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["run.json", "stdout.txt", "stderr.txt", "end.txt", "output.bin"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    files = dict(stored(CAPTURES["threads2"]).files)
    try:
        LANE.read(Capture({**files, name: data}))
    except OutputUnreadable as refusal:
        assert refusal.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(RECORD)), JSON)
def test_any_record_is_read_or_refused(field: str, value: Any) -> None:
    try:
        capture = stored(CAPTURES["threads2"])
        record = json.dumps(RECORD | {field: value}).encode()
        LANE.read(Capture({**capture.files, "run.json": record}))
    except OutputUnreadable as refusal:
        assert refusal.hint


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_record_cut_anywhere_is_refused(data: st.DataObject) -> None:
    files = dict(stored(CAPTURES["threads2"]).files)
    cut = data.draw(st.integers(0, len(files["run.json"]) - 1))
    with pytest.raises(OutputUnreadable):
        LANE.read(Capture({**files, "run.json": files["run.json"][:cut]}))
