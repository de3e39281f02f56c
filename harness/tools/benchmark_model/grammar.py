"""The lines of both tools, each recognised whole or not at all.

Formats: tensorflow/lite/tools/benchmark/benchmark_model.cc and its stats_calculator.h
(TensorFlow 1.9 to LiteRT of 2026), litert/tools/benchmark_litert_model.h. Integers are
printed plainly, floats as C's `%g`; a figure that `%g` could not have printed is damaged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from harness.tools.benchmark_model.reading import Stats

MIB = 1 << 20
_MICROS = 1e6

# 11 days in µs, 1 PB in MB: what lies above was never measured (a dry run reports 9.2e15).
_LARGEST = Decimal(10) ** 12

_INT = r"(?:0|[1-9]\d{0,15})"
_REAL = r"(?:\d{1,16}(?:\.\d{1,8})?(?:e[+-]\d{2,3})?)"

# -1 stands for "not available" (kInvalidMemUsageMB).
_MEGABYTES = rf"(?:-1|{_REAL})"

PREFIX = re.compile(
    r"^(?:(?P<severity>INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): ?)?(?:\[[\w.+-]+:\d+\] ?)?"
)

_PERCENTILES = rf"(?: p5=(?P<p5>{_INT}) median=(?P<p50>{_INT}) p95=(?P<p95>{_INT}))?"
_COUNT = re.compile(
    rf"count=(?P<n>{_INT})"
    rf"(?: curr=(?P<only>{_INT})(?P<same>\(all same\))?"
    rf"| first=(?P<first>{_INT}) curr=(?P<curr>{_INT}) min=(?P<min>{_INT}) max=(?P<max>{_INT})"
    rf" avg=(?P<avg>{_REAL}) std=(?P<std>{_REAL}))?{_PERCENTILES}"
)
_TIMING = re.compile(
    rf"Inference timings in us: Init: (?P<init>{_INT}), First inference: (?P<first>{_INT}), "
    rf"Warmup \(avg\): (?P<warmup>{_REAL}), Inference \(avg\): (?P<avg>{_REAL})"
)
_OLD_TIMING = re.compile(
    rf"Average inference timings in us: Warmup: (?P<warmup>{_REAL}), Init: (?P<init>{_INT}), "
    rf"(?:no stats|Inference): (?P<avg>{_REAL})"
)
_INITIALIZED = re.compile(rf"Initialized session in (?P<ms>{_REAL})ms\.?")
_FOOTPRINT = re.compile(
    r"(?:Peak memory footprint|Memory footprint delta from the start of the tool) \(MB\): "
    rf"init=(?P<init>{_MEGABYTES}) overall=(?P<overall>{_MEGABYTES})"
)
_OLD_FOOTPRINT = re.compile(
    rf"\[(?P<when>Init Phase|Overall)\] - Memory usage: max resident set size = (?P<mb>{_REAL}) MB,"
    rf" total malloc-ed size = {_REAL} MB"
)
_PEAK = re.compile(
    rf"Overall peak memory footprint \(MB\) via periodic monitoring: (?P<mb>{_MEGABYTES})"
)
ANNOUNCEMENT = re.compile(r"Running benchmark for (?:at least )?-?\d.* (?:iterations|seconds)\.? ?")

RESULT_STARTS = (
    "count=",
    "Running benchmark for",
    "Inference timings in us:",
    "Average inference timings in us:",
    "Initialized session in",
    "Memory footprint delta from",
    "Peak memory footprint",
    "Overall peak memory footprint",
    "[Init Phase] - Memory usage:",
    "[Overall] - Memory usage:",
)

# A figure alone on its line is the torn-off end of the line above.
FRAGMENT = re.compile(r"[0-9.e+-]+")


class Unreadable(Exception):
    """A result line is damaged, or two figures that must agree do not."""

    def __init__(self, message: str, *, kind: str = "unreadable-output") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Timing:
    """The line with the four figures, in seconds; `first_s` is None in the oldest eras."""

    init_s: float
    first_s: float | None
    warmup_s: float
    mean_s: float


def seconds(text: str, unit_digits: int = 6) -> float:
    """Return the float nearest to a decimal figure of microseconds (6) or milliseconds (3).

    Raises:
        Unreadable: it is larger than anything measured.
    """
    return float(_decimal(text).scaleb(-unit_digits))


def real(text: str) -> str:
    """Return a figure as it is, if `%g` prints it so.

    Raises:
        Unreadable: it does not.
    """
    if f"{float(_decimal(text)):g}" != text:
        raise Unreadable(f"{text!r} is not a figure that the tool prints")
    return text


def megabytes(text: str) -> float:
    """Return the bytes of a figure in MB of 2**20 bytes; 0 (hidden) for -1 (not available)."""
    return max(0.0, float(_decimal(text)) * MIB)


def same_as_printed(printed_s: float, exact_s: float) -> bool:
    """Tell whether `%g` of the exact microseconds could have been printed so."""
    return f"{_micros(printed_s):g}" == f"{_micros(exact_s):g}"


def _micros(value_s: float) -> float:
    # Twelve digits take the float's noise off before six are kept.
    return float(f"{value_s * _MICROS:.12g}")


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if value > _LARGEST:
        raise Unreadable(f"{text} is not a measurement")
    return value


def stats_line(text: str) -> Stats | None:
    """Read a `count=` line, whole; its figures must be possible together.

    Raises:
        Unreadable: they are not.
    """
    match = _COUNT.fullmatch(text)
    if match is None:
        return None
    count = int(match["n"])
    if match["only"] is not None:
        stats = _of_one_value(match, count)
    elif match["first"] is not None:
        stats = _of_many(match, count)
    else:
        stats = Stats(0)
        if count or any(match[name] not in (None, "0") for name in ("p5", "p50", "p95")):
            raise Unreadable(f"{text!r} has no figures")
    _check_order(stats, text)
    return stats


def timing_line(text: str) -> Timing | None:
    """Read the timing line of any era.

    Raises:
        Unreadable: a figure in it is none.
    """
    match = _TIMING.fullmatch(text) or _OLD_TIMING.fullmatch(text)
    if match is None:
        return None
    first = match.groupdict().get("first")
    return Timing(
        init_s=seconds(match["init"]),
        first_s=None if first is None else seconds(first),
        warmup_s=seconds(real(match["warmup"])),
        mean_s=seconds(real(match["avg"])),
    )


def initialized_line(text: str) -> float | None:
    """Return the seconds of `Initialized session in`."""
    match = _INITIALIZED.fullmatch(text)
    return seconds(real(match["ms"]), 3) if match else None


def footprint_line(text: str) -> tuple[float | None, float | None] | None:
    """Return (init, overall) growth in bytes; the oldest era has a line for each."""
    match = _FOOTPRINT.fullmatch(text)
    if match:
        return megabytes(real(match["init"])), megabytes(real(match["overall"]))
    match = _OLD_FOOTPRINT.fullmatch(text)
    if match:
        value = megabytes(real(match["mb"]))
        return (value, None) if match["when"] == "Init Phase" else (None, value)
    return None


def peak_line(text: str) -> float | None:
    """Return the absolute resident peak in bytes."""
    match = _PEAK.fullmatch(text)
    return megabytes(real(match["mb"])) if match else None


def _of_one_value(match: re.Match[str], count: int) -> Stats:
    if (count == 1) == bool(match["same"]) or count == 0:
        raise Unreadable(f"{match[0]!r} contradicts itself", kind="inconsistent-output")
    if any(match[name] not in (None, match["only"]) for name in ("p5", "p50", "p95")):
        raise Unreadable(f"{match[0]!r} contradicts itself", kind="inconsistent-output")
    value = seconds(match["only"])
    return Stats(
        count,
        first_s=value,
        min_s=value,
        max_s=value,
        mean_s=value,
        std_s=None if count == 1 else 0.0,
        **_percentiles(match),
    )


def _of_many(match: re.Match[str], count: int) -> Stats:
    if count < 2:
        raise Unreadable(f"{match[0]!r} contradicts itself", kind="inconsistent-output")
    if not int(match["min"]) <= int(match["curr"]) <= int(match["max"]):
        raise Unreadable(f"{match[0]!r}: curr is outside min..max", kind="inconsistent-output")
    return Stats(
        count,
        first_s=seconds(match["first"]),
        min_s=seconds(match["min"]),
        max_s=seconds(match["max"]),
        mean_s=seconds(real(match["avg"])),
        std_s=seconds(real(match["std"])),
        **_percentiles(match),
    )


def _percentiles(match: re.Match[str]) -> dict[str, float | None]:
    return {
        f"{name}_s": None if match[name] is None else seconds(match[name])
        for name in ("p5", "p50", "p95")
    }


def _check_order(stats: Stats, text: str) -> None:
    if stats.count == 0 or stats.min_s is None or stats.max_s is None:
        return
    # Six digits are kept of the mean, whole microseconds of the others.
    slack = 1e-5 * stats.max_s + 1e-12
    inside = (stats.first_s, stats.mean_s, stats.p5_s, stats.p50_s, stats.p95_s)
    ordered = [stats.p5_s or 0.0, stats.p50_s or 0.0, stats.p95_s or 0.0]
    sound = (
        all(
            value is None or stats.min_s - slack <= value <= stats.max_s + slack for value in inside
        )
        and ordered == sorted(ordered)
        and (stats.std_s or 0.0) <= stats.max_s - stats.min_s + 1 / _MICROS
    )
    if not sound:
        raise Unreadable(f"{text!r} contradicts itself", kind="inconsistent-output")
