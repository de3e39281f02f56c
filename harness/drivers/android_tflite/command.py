"""One run as the tool's command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.drivers.android_tflite.conditions.sustained import window_flags
from harness.model import Pass, Tensor
from harness.options import Sampling

# Few are enough for memory: the peak is reached in the first iterations.
MEMORY_RUNS = 5
MEMORY_WARMUPS = 1

_PLAIN = re.compile(r"[^,:\\\s]+")
_DELEGATES = {
    "use_gpu": "GPU",
    "use_nnapi": "NNAPI",
    "use_hexagon": "Hexagon",
    "use_coreml": "COREML",
}


def layer_names(inputs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return a name per input that the tool's lists can hold; layers belong by position."""
    return tuple(
        tensor.name if _PLAIN.fullmatch(tensor.name) else f"input_{position}"
        for position, tensor in enumerate(inputs)
    )


def flags_of_run(
    *,
    model: str,
    pass_: Pass,
    variant: Any,
    sampling: Sampling,
    inputs: Sequence[Tensor],
    input_files: Sequence[str],
    output_file: str,
    known: frozenset[str],
) -> list[str]:
    """Return all flags; optional ones only if the build's usage lists them (`known`).

    `variant` is a `VariantOptions`. Peak memory is watched in the memory pass alone, since
    the watching thread would disturb the times; outputs are written in the latency pass.
    """
    flags: dict[str, str] = {"graph": model, "num_threads": str(variant.threads)}
    if variant.xnnpack is not None:
        flags["use_xnnpack"] = _text(variant.xnnpack)
    flags |= _sampling(pass_, sampling)
    if inputs and {"input_layer", "input_layer_shape", "input_layer_value_files"} <= known:
        names = layer_names(inputs)
        flags["input_layer"] = ",".join(names)
        flags["input_layer_shape"] = ":".join(
            ",".join(str(size) for size in tensor.shape) for tensor in inputs
        )
        flags["input_layer_value_files"] = ",".join(
            f"{name}:{file}" for name, file in zip(names, input_files, strict=True)
        )
    if pass_ == "latency" and output_file:
        flags["output_filepath"] = output_file
    if pass_ == "memory" and "report_peak_memory_footprint" in known:
        flags["report_peak_memory_footprint"] = "true"
    further: Mapping[str, Any] = variant.flags
    flags |= {name: _text(value) for name, value in further.items()}
    return [f"--{name}={value}" for name, value in flags.items()]


def asked_facts(variant: Any) -> dict[str, str | int | bool]:
    """Return what a variant asks for and the tool's output must show."""
    asked: dict[str, str | int | bool] = {"threads": variant.threads}
    if variant.xnnpack is not None:
        asked["xnnpack"] = variant.xnnpack
    for flag, delegate in _DELEGATES.items():
        if _text(variant.flags.get(flag, False)) in {"true", "1"}:
            asked["delegate"] = delegate
    return asked


def _sampling(pass_: Pass, sampling: Sampling) -> dict[str, str]:
    # num_runs is a minimum that min_secs (1 s by default) would extend.
    if pass_ == "memory":
        return {
            "warmup_runs": str(MEMORY_WARMUPS),
            "warmup_min_secs": "0",
            "num_runs": str(MEMORY_RUNS),
            "min_secs": "0",
        }
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
