"""From a run's capture to its outcome and facts; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import Any

from harness.drivers.android_tflite.capture_files import APP_PID, CORES, OUTPUT, RESULTS
from harness.drivers.android_tflite.clocks import clock_failure
from harness.drivers.android_tflite.command import MEMORY_RUNS, MEMORY_WARMUPS
from harness.drivers.android_tflite.labelled_examples import read_answers, without_answers
from harness.drivers.android_tflite.measurements import (
    latency_measurements,
    memory_measurements,
    memory_method,
)
from harness.drivers.android_tflite.operators import read_profile
from harness.drivers.android_tflite.proof import observed_facts
from harness.drivers.android_tflite.sustained import (
    SAMPLES,
    SustainedRun,
    read_sustained,
    read_window_conditions,
    window_settings,
)
from harness.errors import OutputUnreadable
from harness.model import (
    Capture,
    Failed,
    Failure,
    Measured,
    Proof,
    Reading,
    Scalar,
    Tensor,
)
from harness.phone_care.reading import read_run_conditions
from harness.tools.android_device import read_memory_samples
from harness.tools.benchmark_model import Numbers, ToolFacts, ToolReading, parse, streams_of_logcat
from harness.tools.benchmark_model.parameters import read_parameters

_MARKER = re.compile(
    r"^EDGEBENCH-(?P<which>BEGIN|END) (?P<nonce>[0-9a-z]+)(?: exit=(?P<exit>\d{1,3}))?"
    r" uptime=(?P<uptime>[\d.]*) load=(?P<load>[\d.]*)(?: clock=(?P<clock>[\d.]*))?\r?\n",
    re.MULTILINE,
)
# What walking through a record that somebody changed may raise.
_FOREIGN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
)
# What a variant chooses, as it was seen: two runs that differ in it are two measurements.
_VARIANT_FACTS = (
    "threads",
    "xnnpack",
    "delegate",
    "delegation",
    "nodes_delegated",
    "precision_loss",
    "accelerator",
    "cores",
)
_NOT_PLACED = 125
_ITEM_BYTES = {"64": 8, "32": 4, "16": 2, "8": 1, "bool": 1}


def read_capture(capture: Capture) -> Reading:
    """Read what a session captured.

    Raises:
        OutputUnreadable: the record of the run is missing or damaged.
    """
    try:
        record = capture.json("run.json")
        return _read(capture, record, _markers(capture.text("end.txt"), str(record["nonce"])))
    except _FOREIGN as error:
        raise OutputUnreadable(
            f"run.json of this run is not what the harness writes: {error!r}",
            hint="the raw folder was changed, or comes from another version",
        ) from error


def _read(capture: Capture, record: Any, markers: Mapping[str, Mapping[str, str]]) -> Reading:
    exit_code = int(markers["END"]["exit"]) if "END" in markers else None
    stdout, stderr = _streams(capture)
    sustained = None
    if record["pass"] == "sustained":
        sustained = read_sustained(capture, float(record["sampling"]["sustained"]), exit_code)
        said = sustained.said
    else:
        said = parse(stdout, stderr, exit_code, capture.files.get(RESULTS))
    parameters = read_parameters(f"{stdout}\n{stderr}")
    observed = observed_facts(said.facts, parameters, capture.text(CORES))
    outputs, absent, broken = _outputs(capture, record)
    answers = _answers(capture, record)
    if record["pass"] == "quality":
        broken = without_answers(record, answers)
    jumped = clock_failure(markers, float(record["times_s"]["run"]))
    failure = _not_placed(record, exit_code, observed) or said.failure or jumped or broken
    phone = read_run_conditions(capture, record, read_window_conditions(capture)[1:-1])
    return Reading(
        outcome=phone.outcome(_outcome(capture, record, said, failure, sustained)),
        setting={**_setting(record, said.facts, observed), **phone.setting},
        subject=_subject(record, said.facts),
        conditions={
            **_conditions(record, said.numbers, markers),
            **(sustained.facts if sustained else {}),
            **phone.facts,
        },
        proof=Proof(dict(record["asked"]), observed),
        phases_s=_phases(record, said.numbers),
        outputs=outputs,
        outputs_absent=absent,
        answers=answers,
    )


def _streams(capture: Capture) -> tuple[str, str]:
    """Return what the tool said; of the app that is in the log of its own process."""
    stdout, pid = capture.text("stdout.txt"), capture.text(APP_PID).strip()
    if pid.isdecimal():
        stdout = streams_of_logcat(stdout, int(pid))
    return stdout, capture.text("stderr.txt")


def _outcome(
    capture: Capture,
    record: Any,
    said: ToolReading,
    failure: Failure | None,
    sustained: SustainedRun | None,
) -> Measured | Failed:
    if record["ended"] == "timed-out":
        timeout_s = record["sampling"]["timeout_s"]
        return Failed(
            Failure(
                "timed-out",
                f"the tool did not end within {timeout_s:g} s; its processes were killed",
                "raise `timeout_s` in the suite's sampling, or ask for fewer iterations",
            )
        )
    if failure is not None or said.numbers is None:
        assert failure is not None
        return Failed(failure)
    if sustained is not None:
        return Measured(sustained.measurements)
    if record["pass"] == "ops":
        return read_profile(capture, _streams(capture)[0], said.numbers)
    if record["pass"] == "quality":
        return Measured(())
    if record["pass"] == "memory":
        # Beside the app only a shell could be sampled.
        in_app = record.get("context") == "apk"
        samples = None if in_app else read_memory_samples(capture.text(SAMPLES))
        return Measured(memory_measurements(said.numbers, said.facts, samples))
    return Measured(latency_measurements(said.numbers))


def _not_placed(
    record: Any, exit_code: int | None, observed: Mapping[str, Scalar]
) -> Failure | None:
    """Return why the tool did not begin on the cores that were asked for, if so."""
    cores = record["asked"].get("cores")
    if cores is None or exit_code != _NOT_PLACED or observed["cores"] is not None:
        return None
    return Failure(
        "cores-refused",
        f"the device does not run a program on cores {cores}",
        "compare `cores:` with /sys/devices/system/cpu/online on the device; taskset must be "
        "there too",
    )


def _markers(text: str, nonce: str) -> dict[str, dict[str, str]]:
    """Return the wrapper's lines by their kind, those of this very run only."""
    return {
        match["which"]: {key: value or "" for key, value in match.groupdict().items()}
        for match in _MARKER.finditer(text)
        if match["nonce"] == nonce and (match["which"] == "BEGIN") == (match["exit"] is None)
    }


def _setting(record: Any, facts: ToolFacts, observed: Mapping[str, Scalar]) -> dict[str, Scalar]:
    device, sampling = record["device"], record["sampling"]
    memory = record["pass"] == "memory"
    setting: dict[str, Scalar] = {
        "device": device["label"],
        "device_hash": device.get("hash"),
        "virtual": bool(device["virtual"]),
        "context": str(record.get("context", "shell")),
        **{fact: observed[fact] for fact in _VARIANT_FACTS},
        "flags": " ".join(f"{name}={value}" for name, value in record["flags"].items()) or None,
        "timed": "invoke",
        "warmup_iterations": MEMORY_WARMUPS if memory else sampling["warmup"]["iterations"],
        "warmup_seconds": 0.0 if memory else sampling["warmup"]["seconds"],
        "timed_iterations": MEMORY_RUNS if memory else sampling["timed"]["iterations"],
        "timed_max_seconds": None if memory else sampling["timed"]["max_seconds"],
        "method": memory_method(facts) if memory else "the tool's own loop",
    }
    if record["pass"] == "quality":
        setting["method"] = "each labelled example in a process of its own"
    if record["pass"] == "ops":
        setting["method"] = "the tool's own profiler"
    if record["pass"] == "sustained":
        setting |= window_settings(float(sampling["sustained"]))
    if not device["virtual"]:
        # The virtual device is this host, whose facts the harness adds itself.
        setting |= {"cpu_model": device.get("cpu_model"), "os_major": device.get("os_major")}
    return setting


def _subject(record: Any, facts: ToolFacts) -> dict[str, Scalar]:
    tool = record["tool"]
    return {
        "tool": tool["name"],
        "tool_sha256": tool["sha256"],
        "tool_version": facts.version or None,
        "tool_says_it_is": facts.tool or None,
        "os_build": record["device"].get("os_build"),
    }


def _conditions(
    record: Any, numbers: Numbers | None, markers: Mapping[str, Mapping[str, str]]
) -> dict[str, Scalar]:
    load = markers.get("BEGIN", {}).get("load", "")
    conditions: dict[str, Scalar] = {
        "abi": record["tool"]["abi"],
        "load1": float(load) if load else None,
        "batch_size": 1,
    }
    if numbers is not None:
        conditions |= {
            "iterations_done": numbers.timed.count,
            "warmup_iterations_done": numbers.warmup.count if numbers.warmup else 0,
            "timer_resolution_s": numbers.tick_s,
        }
    return conditions


def _phases(record: Any, numbers: Numbers | None) -> dict[str, float]:
    times = record["times_s"]
    run_s, collect_s = float(times["run"]), float(times["collect"])
    if record["pass"] == "sustained":
        return {"timed": run_s, "collect": collect_s}
    if numbers is None:
        return {"launch": run_s, "collect": collect_s}
    warmup_s = numbers.warmup.count * (numbers.warmup.mean_s or 0.0) if numbers.warmup else 0.0
    timed_s = numbers.timed.count * (numbers.timed.mean_s or 0.0)
    return {
        "launch": max(0.0, run_s - numbers.init_s - warmup_s - timed_s),
        "load": numbers.init_s,
        "warmup": warmup_s,
        "timed": timed_s,
        "collect": collect_s,
    }


def _outputs(
    capture: Capture, record: Any
) -> tuple[tuple[Tensor, ...] | None, str, Failure | None]:
    """Cut the tool's raw output file into the model's tensors, which stand in it end to end."""
    if record["pass"] != "latency":
        return None, "outputs are checked in the latency pass", None
    if record["outputs_absent"]:
        return None, str(record["outputs_absent"]), None
    data = capture.files.get(OUTPUT, b"")
    tensors = _cut(record, data)
    if tensors is None:
        failure = Failure(
            "output-shape",
            f"the tool wrote {len(data)} bytes of outputs, the model has {_size(record)}",
            "the tool ran another model or other input shapes than it was asked to",
        )
        return None, "the outputs have the wrong size", failure
    return tensors, "", None


def _answers(capture: Capture, record: Any) -> tuple[tuple[Tensor, ...], ...]:
    return read_answers(capture, lambda data: _cut(record, data), _size(record))


def _cut(record: Any, data: bytes) -> tuple[Tensor, ...] | None:
    """Return the outputs that stand end to end in these bytes; None if those do not fit."""
    if len(data) != _size(record):
        return None
    tensors, at = [], 0
    for entry in record["outputs"]:
        size = _bytes_of(entry)
        shape = tuple(int(length) for length in entry["shape"])
        tensors.append(Tensor(entry["name"], shape, entry["dtype"], data[at : at + size]))
        at += size
    return tuple(tensors)


def _size(record: Any) -> int:
    return sum(_bytes_of(entry) for entry in record["outputs"])


def _bytes_of(entry: Any) -> int:
    return prod(int(size) for size in entry["shape"]) * _item_bytes(str(entry["dtype"]))


def _item_bytes(dtype: str) -> int:
    return next(size for end, size in _ITEM_BYTES.items() if dtype.endswith(end))
