"""The file of `--result_file_path`: a protobuf message `tflite.tools.benchmark.BenchmarkResult`.

Format: tensorflow/lite/tools/benchmark/proto/benchmark_result.proto; times are 32-bit floats of
milliseconds, memory is whole KiB, its peak a float of MiB. The message has fifteen plain numbers,
each at most once: one that is there twice, which the format allows, is what damage looks like.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from harness.protobuf import Damaged, Value, fields
from harness.tools.benchmark_model.grammar import MIB, Unreadable
from harness.tools.benchmark_model.reading import Numbers, Stats

_KIB = 1 << 10
_LARGEST = 1e12
_LATENCY, _MEMORY, _MISC = 2, 3, 4
_AVG, _MIN, _MAX, _STD, _MEDIAN, _P5, _P95, _INIT, _FIRST, _WARMUP = range(1, 11)
_FOOTPRINT_INIT, _FOOTPRINT, _PEAK = range(1, 4)
_RUNS, _WARMUPS = 2, 3

_Fields: TypeAlias = Mapping[int, Value]


def read_result_file(data: bytes, tick_s: float) -> Numbers:
    """Read the numbers of a run; times keep the seven digits that a 32-bit float has.

    Raises:
        Unreadable: it is not such a file, or it is cut; kind `no-inference` for a dry run, whose
            extremes and throughput are no measurements.
    """
    message = _fields(data)
    latency, misc = (_fields(_nested(message, part)) for part in (_LATENCY, _MISC))
    memory = _fields(_nested(message, _MEMORY)) if _MEMORY in message else {}
    runs, warmups = _count(misc, _RUNS), _count(misc, _WARMUPS)
    if runs == 0:
        raise Unreadable("", kind="no-inference")
    timed = Stats(
        runs,
        min_s=_seconds(latency, _MIN),
        max_s=_seconds(latency, _MAX),
        mean_s=_seconds(latency, _AVG),
        std_s=_seconds(latency, _STD) if _STD in latency else None,
        p5_s=_seconds(latency, _P5) if _P5 in latency else None,
        p50_s=_seconds(latency, _MEDIAN) if _MEDIAN in latency else None,
        p95_s=_seconds(latency, _P95) if _P95 in latency else None,
    )
    first_s = _seconds(latency, _FIRST) if warmups else None
    return Numbers(
        init_s=_seconds(latency, _INIT),
        first_inference_s=first_s,
        warmup=Stats(warmups, first_s=first_s, mean_s=_seconds(latency, _WARMUP))
        if warmups
        else None,
        timed=timed,
        tick_s=tick_s,
        footprint_init_bytes=_grown(memory, _FOOTPRINT_INIT, _KIB),
        footprint_bytes=_grown(memory, _FOOTPRINT, _KIB),
        peak_rss_bytes=_grown(memory, _PEAK, MIB),
    )


def preferred(said: Numbers, file: Numbers) -> Numbers:
    """Return the figures of the file where it has them, once both are seen to agree.

    Raises:
        Unreadable: the tool printed another figure than it wrote (kind `result-file-disagrees`).
    """
    said_warmup, warmup = said.warmup or Stats(0), file.warmup or Stats(0)
    slack_s = 0.0 if said.tick_s < 5e-6 else said.tick_s / 2
    pairs = {
        "init": (said.init_s, file.init_s),
        "first inference": (said.first_inference_s, file.first_inference_s),
        "warm-up average": (said_warmup.mean_s, warmup.mean_s),
        "average": (said.timed.mean_s, file.timed.mean_s),
        "minimum": (said.timed.min_s, file.timed.min_s),
        "maximum": (said.timed.max_s, file.timed.max_s),
        "deviation": (said.timed.std_s, file.timed.std_s),
        "median": (said.timed.p50_s, file.timed.p50_s),
        "5th percentile": (said.timed.p5_s, file.timed.p5_s),
        "95th percentile": (said.timed.p95_s, file.timed.p95_s),
    }
    for name, (printed, written) in pairs.items():
        _check(name, printed, written, slack_s)
    mib = {
        "footprint of init": (said.footprint_init_bytes, file.footprint_init_bytes),
        "footprint": (said.footprint_bytes, file.footprint_bytes),
        "peak": (said.peak_rss_bytes, file.peak_rss_bytes),
    }
    for name, (printed, written) in mib.items():
        _check(name, printed, written, MIB / 200)
    if (said.timed.count, said_warmup.count) != (file.timed.count, warmup.count):
        raise _disagrees("number of runs", said.timed.count, file.timed.count)
    return _merged(said, file)


def _merged(said: Numbers, file: Numbers) -> Numbers:
    def finer(printed: float | None, written: float | None) -> float | None:
        return printed if written is None else written

    timed = Stats(
        said.timed.count,
        # The file has no time of the first timed run.
        first_s=said.timed.first_s,
        **{
            name: finer(getattr(said.timed, name), getattr(file.timed, name))
            for name in ("min_s", "max_s", "mean_s", "std_s", "p5_s", "p50_s", "p95_s")
        },
    )
    return Numbers(
        init_s=file.init_s,
        first_inference_s=finer(said.first_inference_s, file.first_inference_s),
        warmup=said.warmup,
        timed=timed,
        tick_s=said.tick_s,
        footprint_init_bytes=finer(said.footprint_init_bytes, file.footprint_init_bytes),
        footprint_bytes=finer(said.footprint_bytes, file.footprint_bytes),
        peak_rss_bytes=finer(said.peak_rss_bytes, file.peak_rss_bytes),
    )


def _check(name: str, printed: float | None, written: float | None, slack: float) -> None:
    if printed is None or written is None:
        return
    # Text keeps six digits of an average, the file seven of every figure.
    if abs(printed - written) > slack + 5.1e-6 * max(printed, written):
        raise _disagrees(name, printed, written)


def _disagrees(name: str, printed: float, written: float) -> Unreadable:
    return Unreadable(
        f"the {name} is {printed:g} in the output and {written:g} in the result file",
        kind="result-file-disagrees",
    )


def _fields(data: bytes) -> _Fields:
    """Read one message: field number → number, or the bytes of a nested one."""
    found: dict[int, Value] = {}
    try:
        for number, value in fields(data):
            if number in found:
                raise Unreadable("the result file has a field twice, as damaged ones have")
            found[number] = value
    except Damaged as error:
        raise Unreadable(f"the result file is no benchmark result: {error}") from error
    return found


def _nested(message: _Fields, number: int) -> bytes:
    value = message.get(number)
    if not isinstance(value, bytes):
        raise Unreadable("the result file is no benchmark result, or lacks a part")
    return value


def _count(fields: _Fields, number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value > _LARGEST:
        raise Unreadable("the result file lacks the number of its runs")
    return value


def _seconds(fields: _Fields, number: int) -> float:
    value = fields.get(number)
    if not isinstance(value, float) or not math.isfinite(value):
        raise Unreadable("the result file lacks a time that every build writes")
    if not 0 <= value <= _LARGEST:
        raise Unreadable(f"{value:g} in the result file is not a measurement")
    return float(_shortest(value).scaleb(-3))


def _shortest(value: float) -> Decimal:
    """Return the shortest decimal figure that this 32-bit float stands for."""
    packed = struct.pack("<f", value)
    texts = (f"{value:.{digits}g}" for digits in range(1, 9))
    short = (text for text in texts if struct.pack("<f", float(text)) == packed)
    return Decimal(next(short, f"{value:.9g}"))


def _grown(fields: _Fields, number: int, unit: int) -> float | None:
    """Return bytes; None for 0 (the launcher's peak hid it) and for -1 or NaN (not available)."""
    value = fields.get(number)
    if isinstance(value, int):
        return value * unit if 0 < value <= _LARGEST else None
    if isinstance(value, float) and 0 < value <= _LARGEST:
        return float(_shortest(value)) * unit
    return None
