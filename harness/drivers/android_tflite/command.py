"""One run as the tool's command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.drivers.android_tflite.sustained import window_flags
from harness.drivers.android_tflite.tool_kinds import delegate_flags
from harness.model import Pass, Tensor
from harness.options import Sampling

# Few are enough for memory: the peak is reached in the first iterations. The tool keeps the time
# of every iteration, so that many would count as memory; but it must live for some samples.
MEMORY_RUNS = 5
MEMORY_WARMUPS = 1
MEMORY_SECONDS = 0.5
MEMORY_SAMPLE_EVERY_S = 0.1

_PLAIN = re.compile(r"[^,:\\\s]+")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run's files lie on the device; '' is a file that is not wanted."""

    model: str
    inputs: tuple[str, ...] = ()
    outputs: str = ""
    results: str = ""
    profile: str = ""


def layer_names(inputs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return a name per input that the tool's lists can hold; layers belong by position."""
    return tuple(
        tensor.name if _PLAIN.fullmatch(tensor.name) else f"input_{position}"
        for position, tensor in enumerate(inputs)
    )


def flags_of_run(
    *,
    pass_: Pass,
    variant: Any,
    sampling: Sampling,
    inputs: Sequence[Tensor],
    places: Places,
    known: frozenset[str],
    kind: str = "",
) -> list[str]:
    """Return all flags; optional ones only if the build's usage lists them (`known`).

    `variant` is a `VariantOptions`, `kind` what the suite says the tool is. Peak memory is
    watched in the memory pass alone, since the watching thread would disturb the times; outputs
    are written in the latency pass; the profiler, which costs time itself, is on in the ops pass.
    """
    flags: dict[str, str] = {"graph": places.model, "num_threads": str(variant.threads)}
    asked = delegate_flags(kind, variant, known)
    flags |= {name: _text(value) for name, value in asked.items()}
    flags |= _sampling(pass_, sampling)
    flags |= _inputs(inputs, places, known)
    if pass_ in {"latency", "quality"} and places.outputs:
        flags["output_filepath"] = places.outputs
    if places.results and "result_file_path" in known:
        flags["result_file_path"] = places.results
    if pass_ == "memory" and "report_peak_memory_footprint" in known:
        flags["report_peak_memory_footprint"] = "true"
    if pass_ == "ops":
        flags |= _profiling(places, known)
    further: Mapping[str, Any] = variant.flags
    flags |= {name: _text(value) for name, value in further.items()}
    return [f"--{name}={value}" for name, value in flags.items()]


def _inputs(inputs: Sequence[Tensor], places: Places, known: frozenset[str]) -> dict[str, str]:
    if not inputs or not {"input_layer", "input_layer_shape", "input_layer_value_files"} <= known:
        return {}
    names = layer_names(inputs)
    return {
        "input_layer": ",".join(names),
        "input_layer_shape": ":".join(
            ",".join(str(size) for size in tensor.shape) for tensor in inputs
        ),
        "input_layer_value_files": ",".join(
            f"{name}:{file}" for name, file in zip(names, places.inputs, strict=True)
        ),
    }


def _profiling(places: Places, known: frozenset[str]) -> dict[str, str]:
    flags = {"enable_op_profiling": "true"}
    if "allow_dynamic_profiling_buffer_increase" in known:
        # Without it the events of a large model that do not fit are dropped in silence.
        flags["allow_dynamic_profiling_buffer_increase"] = "true"
    # The file has six digits where stdout has whole microseconds.
    if {"op_profiling_output_mode", "op_profiling_output_file"} <= known:
        flags |= {"op_profiling_output_mode": "csv", "op_profiling_output_file": places.profile}
    elif "profiling_output_csv_file" in known:
        flags["profiling_output_csv_file"] = places.profile
    return flags


def _sampling(pass_: Pass, sampling: Sampling) -> dict[str, str]:
    # num_runs is a minimum that min_secs (1 s by default) would extend.
    if pass_ == "memory":
        return {
            "warmup_runs": str(MEMORY_WARMUPS),
            "warmup_min_secs": "0",
            "num_runs": str(MEMORY_RUNS),
            "min_secs": f"{MEMORY_SECONDS:g}",
        }
    if pass_ == "quality":
        return {"warmup_runs": "0", "warmup_min_secs": "0", "num_runs": "1", "min_secs": "0"}
    if pass_ == "sustained" and sampling.sustained is not None:
        return window_flags(sampling.sustained)
    return {
        "warmup_runs": str(sampling.warmup.iterations),
        "warmup_min_secs": _text(sampling.warmup.seconds),
        "num_runs": str(sampling.timed.iterations),
        "min_secs": "0",
        "max_secs": _text(sampling.timed.max_seconds),
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
