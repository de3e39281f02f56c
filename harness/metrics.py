"""The metrics by name: unit, meaning and method; the version changes when a meaning does.

The statistic and the method are part of a metric's name, so that two methods can never
share a column. Inside the harness units are SI: seconds, bytes, hertz and
degrees Celsius.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

METRICS_VERSION = 1

Family: TypeAlias = Literal[
    "latency",
    "cold-start",
    "memory",
    "samples",
    "quality",
    "sustained",
    "operators",
    "stages",
    "frames",
]
StageStatistic: TypeAlias = Literal["p50", "mean", "share"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's definition."""

    name: str
    unit: Literal["s", "B", "1", "degC", "Hz"]
    family: Family
    meaning: str


_DEFINITIONS = (
    Metric("latency_mean", "s", "latency", "mean of the timed iterations of a run"),
    Metric("latency_p50", "s", "latency", "median of the timed iterations of a run"),
    Metric("latency_p90", "s", "latency", "90th percentile of the timed iterations of a run"),
    Metric("latency_p95", "s", "latency", "95th percentile of the timed iterations of a run"),
    Metric("latency_min", "s", "latency", "fastest timed iteration of a run"),
    Metric("latency_max", "s", "latency", "slowest timed iteration of a run"),
    Metric("samples", "s", "samples", "every timed iteration of a run"),
    Metric("init", "s", "cold-start", "from start to a ready backend or interpreter"),
    Metric("load", "s", "cold-start", "fetching and parsing the model; a workload's set-up"),
    Metric("first_inference", "s", "cold-start", "the first inference, with its compilation"),
    Metric("time_to_first_result", "s", "cold-start", "init + load + first inference, of one run"),
    Metric("warmup_mean", "s", "cold-start", "mean of the warm-up iterations of a run"),
    Metric(
        "tool_footprint",
        "B",
        "memory",
        "what benchmark_model calls the overall memory footprint: growth of its resident "
        "high-water mark since its start",
    ),
    Metric(
        "tool_footprint_init",
        "B",
        "memory",
        "the same growth up to the end of initialisation",
    ),
    Metric("peak_rss", "B", "memory", "highest resident set of the process, absolute"),
    Metric(
        "peak_rss_delta",
        "B",
        "memory",
        "highest resident set of the process above the loaded interpreter",
    ),
    Metric(
        "vm_hwm",
        "B",
        "memory",
        "highest resident set of the process as the kernel keeps it (VmHWM), read while it runs",
    ),
    Metric("pss", "B", "memory", "proportional set size of the process, the highest of samples"),
    Metric("wasm_heap", "B", "memory", "length of the Wasm heap; it only grows, so a peak"),
    Metric("tf_num_bytes", "B", "memory", "numBytes of tf.memory(): live tensors"),
    Metric("tf_gpu_bytes", "B", "memory", "numBytesInGPU of tf.memory(): live GPU buffers"),
    Metric(
        "renderer_uss",
        "B",
        "memory",
        "private memory of the renderer process above the same page before the runtime is loaded",
    ),
    Metric(
        "renderer_pss",
        "B",
        "memory",
        "proportional memory of the renderer process above the same page before the runtime is "
        "loaded",
    ),
    Metric(
        "node_uss",
        "B",
        "memory",
        "private memory of the Node process above itself before the runtime is loaded",
    ),
    Metric(
        "node_pss",
        "B",
        "memory",
        "proportional memory of the Node process above itself before the runtime is loaded",
    ),
    Metric("quality_accuracy", "1", "quality", "share of examples whose highest output is right"),
    Metric("quality_f1", "1", "quality", "F1 of two classes over the examples"),
    Metric(
        "meminfo_pss",
        "B",
        "memory",
        "TOTAL PSS that `dumpsys meminfo` tells of the page's process on a phone, above the same "
        "page before the runtime is loaded",
    ),
    Metric(
        "operators_total",
        "s",
        "operators",
        "all operators of an inference together, as the tool's profiler times them",
    ),
    Metric(
        "profiled_latency_mean",
        "s",
        "operators",
        "mean of the timed iterations while the profiler is on, which slows them",
    ),
    Metric(
        "iteration_rate",
        "Hz",
        "frames",
        "iterations of a workload per second, one begun when the one before has ended",
    ),
    Metric(
        "dropped_frames",
        "1",
        "frames",
        "share of the frames of a steady source that came while an earlier one was under way",
    ),
    Metric(
        "window_latency_mean",
        "s",
        "sustained",
        "mean latency of each window of a sustained run, in order",
    ),
    Metric(
        "window_battery_temperature",
        "degC",
        "sustained",
        "temperature of the battery after each window",
    ),
    Metric(
        "window_skin_temperature",
        "degC",
        "sustained",
        "highest temperature of the phone's skin after each window",
    ),
    Metric(
        "window_frequency",
        "Hz",
        "sustained",
        "median clock of the fastest core, sampled during each window",
    ),
)

METRICS = {metric.name: metric for metric in _DEFINITIONS}

_STAGE_MEANINGS: Mapping[StageStatistic, tuple[Literal["s", "1"], str]] = {
    "p50": ("s", "median over the timed iterations of a run of the time in the stage"),
    "mean": ("s", "mean over the timed iterations of a run of the time in the stage"),
    "share": ("1", "mean time in the stage over the mean of the whole iteration"),
}


def stage_metric(statistic: StageStatistic, stage: str) -> str:
    """Return the name of a metric of one stage of a workload: `stage_p50:decode`."""
    return f"stage_{statistic}:{stage}"


def definition(name: str) -> Metric | None:
    """Return what a metric means, one of a workload's stages too; None if it is a stranger's."""
    if name in METRICS:
        return METRICS[name]
    kind, colon, stage = name.partition(":")
    for statistic, (unit, meaning) in _STAGE_MEANINGS.items():
        if colon and stage and kind == f"stage_{statistic}":
            return Metric(name, unit, "stages", f"{meaning} {stage}")
    return None
