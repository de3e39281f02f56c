"""The metrics of a run, by pass: a latency run never gives memory, nor the other way round."""

from __future__ import annotations

from harness.model import Measurement
from harness.tools.android_device import MemorySamples
from harness.tools.benchmark_model import Numbers, ToolFacts

TICKS = 100
"""A time of fewer ticks of the tool's clock than this is no measurement."""


def latency_measurements(numbers: Numbers) -> tuple[Measurement, ...]:
    """Return latency and cold-start metrics; what the build does not print is absent."""
    timed, warmup = numbers.timed, numbers.warmup
    no_percentiles = "this build of benchmark_model prints no percentiles"
    no_warmup = "the run had no warm-up, and the tool times its first inference only there"
    tick_s = numbers.tick_s
    return (
        _time("latency_mean", timed.mean_s, tick_s, "the tool prints no mean"),
        _time("latency_p50", timed.p50_s, tick_s, no_percentiles),
        _time("latency_p90", None, tick_s, "benchmark_model prints no 90th percentile"),
        _time("latency_p95", timed.p95_s, tick_s, no_percentiles),
        _time("latency_min", timed.min_s, tick_s, "this build prints no minimum"),
        _time("latency_max", timed.max_s, tick_s, "this build prints no maximum"),
        _time("init", numbers.init_s, tick_s, ""),
        _time("load", None, tick_s, "benchmark_model counts loading the model in init"),
        _time("first_inference", numbers.first_inference_s, tick_s, no_warmup),
        _time(
            "time_to_first_result",
            None
            if numbers.first_inference_s is None
            else round(numbers.init_s + numbers.first_inference_s, 9),
            tick_s,
            no_warmup,
        ),
        _time("warmup_mean", warmup.mean_s if warmup else None, tick_s, no_warmup),
    )


FEWEST_SAMPLES = 3
"""Of fewer samples than this the highest says little."""


def memory_measurements(
    numbers: Numbers, facts: ToolFacts, samples: MemorySamples | None = None
) -> tuple[Measurement, ...]:
    """Return a metric per method: the tool's own, and those sampled from outside, if it was.

    litert-host's process holds Python, so that absolute figures would say nothing of a model.
    """
    if facts.tool == "litert-host":
        return (
            _bytes(
                "peak_rss_delta",
                numbers.peak_rss_bytes,
                "this host does not let a process reset its resident high-water mark",
            ),
        )
    hidden = "the tool saw no growth: the peak of what launched it hides its own"
    return (
        _bytes("tool_footprint", numbers.footprint_bytes, hidden),
        _bytes("tool_footprint_init", numbers.footprint_init_bytes, hidden),
        _bytes(
            "peak_rss",
            numbers.peak_rss_bytes,
            "this build of benchmark_model does not report a peak",
        ),
        *(_sampled(samples) if samples else ()),
    )


def _sampled(samples: MemorySamples) -> tuple[Measurement, ...]:
    few = ""
    if samples.count < FEWEST_SAMPLES:
        few = (
            f"sampled {samples.count} times, {FEWEST_SAMPLES} are needed: the tool ended too "
            "soon, or the device does not let its memory be read"
        )
    hidden = few or "the device does not tell"
    return (
        _bytes("vm_hwm", None if few else samples.hwm_bytes, hidden),
        _bytes("pss", None if few else samples.peak_pss_bytes, hidden),
    )


def memory_method(facts: ToolFacts) -> str:
    """Name how the tool counts memory."""
    if facts.tool == "litert-host":
        return "VmHWM above the loaded interpreter"
    return "ru_maxrss; smaps_rollup and VmHWM sampled"


def _time(metric: str, value_s: float | None, tick_s: float, absent: str) -> Measurement:
    if value_s is None:
        return Measurement(metric, "s", absent=absent)
    # A hair less than 100 ticks is float noise.
    if value_s < TICKS * tick_s * (1 - 1e-9):
        return Measurement(
            metric,
            "s",
            absent=f"below timer resolution: {value_s * 1e6:.3g} µs is less than {TICKS} ticks of "
            f"{tick_s * 1e6:g} µs, and the tool times each inference alone",
        )
    return Measurement(metric, "s", value_s)


def _bytes(metric: str, value: float | None, absent: str) -> Measurement:
    if value is None:
        return Measurement(metric, "B", absent=absent)
    return Measurement(metric, "B", value)
