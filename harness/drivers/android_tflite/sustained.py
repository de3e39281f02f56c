"""The sustained pass: the tool again and again, one window of time after the other; pure.

`benchmark_model` prints one mean for all that it timed, so that a minute's latency takes a run
of a minute. `device_scripts/android/sustained.sh` starts a fresh process per window, without a
pause between them but for loading the model and one look at the phone's conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from harness.model import Capture, Failure, Measurement, Scalar
from harness.phone_care.reading import fastest_core
from harness.tools.android_device import PhoneConditions, Sample, read_conditions, read_samples
from harness.tools.benchmark_model import ToolReading, parse

WINDOW_S = 60.0
"""A window is a minute."""
FEWEST_WINDOWS = 3
"""A pass of less than so many minutes is cut into so many equal windows."""
SAMPLE_EVERY_S = 1.0
_START_S = 20.0
WINDOWS, SAMPLES = "windows.txt", "samples.txt"

_CUT = Failure(
    "output-cut-short",
    "the sustained run ended before its last window",
    "look whether the device went away meanwhile, and at windows.txt in raw/",
)
_CHANGED = Failure(
    "variant-mismatch",
    "not every window ran with the same threads and delegates",
    "look at stdout.txt in raw/; what ran is not one thing, so it has no series",
)
_BEGIN = re.compile(r"EDGEBENCH-WINDOW ([0-9]+)")
_END = re.compile(r"EDGEBENCH-WINDOW ([0-9]+) exit=([0-9]{1,3}) from=([0-9.]*) to=([0-9.]*)")


@dataclass(frozen=True, slots=True)
class SustainedRun:
    """A whole sustained run: `said` is what the tool said first, or where it failed."""

    said: ToolReading
    measurements: tuple[Measurement, ...]
    facts: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Window:
    """What the tool said in one window; `exit_code` is None where the window was cut off.

    `from_s` and `to_s` are the device's uptime around the process.
    """

    number: int
    stdout: str
    stderr: str
    exit_code: int | None = None
    from_s: float | None = None
    to_s: float | None = None


def windows_of(total_s: float) -> tuple[int, float]:
    """Return how many windows a pass of that length has, and how long each is, in seconds."""
    count = round(total_s / WINDOW_S)
    if count < FEWEST_WINDOWS:
        return FEWEST_WINDOWS, total_s / FEWEST_WINDOWS
    return count, WINDOW_S


def longest_s(total_s: float) -> float:
    """Return how long the windows may take in all, with the start of the tool in each."""
    count, _ = windows_of(total_s)
    return total_s + count * _START_S


def window_flags(total_s: float) -> dict[str, str]:
    """Return the tool's own sampling flags for one window: it stops at its time, not a count."""
    _, seconds = windows_of(total_s)
    return {
        "warmup_runs": "1",
        "warmup_min_secs": "0",
        "num_runs": "1",
        "min_secs": f"{seconds:g}",
        "max_secs": f"{seconds:g}",
    }


def window_settings(total_s: float) -> dict[str, Scalar]:
    """Return how a sustained run of that length is made, as its setting says it."""
    count, seconds = windows_of(total_s)
    return {
        "warmup_iterations": 1,
        "warmup_seconds": 0.0,
        "timed_iterations": None,
        "timed_max_seconds": seconds,
        "windows": count,
        "method": "a fresh process per window",
    }


def read_sustained(capture: Capture, total_s: float, exit_code: int | None) -> SustainedRun:
    """Read a sustained run; `exit_code` is that of the whole, None where it has no end.

    Every window must have been measured, and by the same threads and delegates.
    """
    windows = split_windows(capture.text("stdout.txt"), capture.text("stderr.txt"))
    readings = [parse(one.stdout, one.stderr, one.exit_code) for one in windows]
    looks = read_window_conditions(capture)
    failed = _failed(capture, windows, readings, total_s, exit_code)
    if failed is not None:
        return SustainedRun(failed, (), {})
    numbers = [reading.numbers for reading in readings if reading.numbers is not None]
    measurements = sustained_measurements(
        windows,
        [each.timed.mean_s for each in numbers],
        looks,
        read_samples(capture.text(SAMPLES)),
    )
    facts = _facts(windows)
    facts["iterations_done"] = sum(each.timed.count for each in numbers)
    return SustainedRun(readings[0], measurements, facts)


def _failed(
    capture: Capture,
    windows: Sequence[Window],
    readings: Sequence[ToolReading],
    total_s: float,
    exit_code: int | None,
) -> ToolReading | None:
    """Return the reading that tells why there are no numbers, None if there are."""
    for reading in readings:
        if reading.numbers is None:
            return reading
    if not windows or exit_code != 0:
        said = capture.text("stdout.txt"), capture.text("stderr.txt")
        whole = parse(*((windows[-1].stdout, windows[-1].stderr) if windows else said), exit_code)
        return replace(whole, numbers=None, failure=whole.failure or _CUT)
    if [window.number for window in windows] != [*range(1, windows_of(total_s)[0] + 1)]:
        return replace(readings[0], numbers=None, failure=_CUT)
    if len({reading.facts for reading in readings}) > 1:
        return replace(readings[0], numbers=None, failure=_CHANGED)
    return None


def split_windows(stdout: str, stderr: str) -> tuple[Window, ...]:
    """Cut what sustained.sh left into its windows, in order."""
    errors = {window.number: window.stdout for window in _split(stderr)}
    return tuple(
        Window(
            window.number,
            window.stdout,
            errors.get(window.number, ""),
            window.exit_code,
            window.from_s,
            window.to_s,
        )
        for window in _split(stdout)
    )


def read_window_conditions(capture: Capture) -> tuple[PhoneConditions, ...]:
    """Return the looks at the phone before the first window and after each."""
    text = capture.text(WINDOWS)
    pieces = re.split(r"^EDGEBENCH-WINDOW [0-9]+\r?\n", text, flags=re.MULTILINE)
    return tuple(read_conditions(piece) for piece in pieces[1:])


def sustained_measurements(
    windows: Sequence[Window],
    means_s: Sequence[float | None],
    looks: Sequence[PhoneConditions],
    samples: Sequence[Sample],
) -> tuple[Measurement, ...]:
    """Return the series of a sustained run: a value per window, or why there is none.

    `means_s` are the tool's own mean latencies; `looks` are those of `read_window_conditions`.
    """
    after = tuple(looks[1 : len(windows) + 1])
    return (
        _latencies(means_s),
        _series("window_battery_temperature", "degC", windows, after, _battery_c),
        _series("window_skin_temperature", "degC", windows, after, _skin_c),
        _frequencies(windows, looks, samples),
    )


def _facts(windows: Sequence[Window]) -> dict[str, Scalar]:
    """Return which share of the time from the first window to the last the tool ran."""
    known = [
        (window.from_s, window.to_s)
        for window in windows
        if window.from_s is not None and window.to_s is not None
    ]
    whole = known[-1][1] - known[0][0] if known else 0.0
    ran = sum(end - begin for begin, end in known)
    return {"tool_share": round(ran / whole, 4) if whole > 0 else None}


def _latencies(means_s: Sequence[float | None]) -> Measurement:
    known = tuple(mean_s for mean_s in means_s if mean_s)
    if len(known) < len(means_s):
        return Measurement("window_latency_mean", "s", absent="the tool gives no mean")
    return Measurement("window_latency_mean", "s", samples=known)


def _split(text: str) -> list[Window]:
    found: list[Window] = []
    number, said = 0, list[str]()
    *lines, rest = text.split("\n")
    for line in lines:
        bare = line.removesuffix("\r")
        if end := _END.fullmatch(bare):
            if int(end[1]) == number:
                found.append(_ended(end, "\n".join(said)))
            number = 0
        elif begin := _BEGIN.fullmatch(bare):
            number, said = int(begin[1]), []
        elif number:
            said.append(line)
    said.append(rest)
    if number:
        found.append(Window(number, "\n".join(said), ""))
    return found


def _ended(end: re.Match[str], said: str) -> Window:
    return Window(int(end[1]), said, "", int(end[2]), _uptime(end[3]), _uptime(end[4]))


def _uptime(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,12}\.[0-9]+", text) else None


def _battery_c(seen: PhoneConditions) -> float | None:
    return seen.battery.celsius


def _skin_c(seen: PhoneConditions) -> float | None:
    return seen.thermal.skin_c


def _series(
    metric: str,
    unit: str,
    windows: Sequence[Window],
    looks: Sequence[PhoneConditions],
    value_of: Callable[[PhoneConditions], float | None],
) -> Measurement:
    values = [value_of(seen) for seen in looks]
    known = tuple(value for value in values if value is not None)
    if len(known) < len(windows):
        told = f"it only after {len(known)} of {len(windows)} windows" if known else "it not"
        return Measurement(metric, unit, absent=f"the device tells {told}")
    return Measurement(metric, unit, samples=known)


def _frequencies(
    windows: Sequence[Window], looks: Sequence[PhoneConditions], samples: Sequence[Sample]
) -> Measurement:
    """Return the median clock of the fastest core over the samples of each window."""
    cores = looks[0].cpu.cores if looks and looks[0].cpu else ()
    number = fastest_core(cores)
    medians = []
    for window in windows:
        within = [
            sample.frequencies_hz[number]
            for sample in samples
            if number is not None
            and number in sample.frequencies_hz
            and window.from_s is not None
            and window.to_s is not None
            and window.from_s <= sample.uptime_s <= window.to_s
        ]
        if not within:
            reason = "the device does not tell its clocks" if number is None else "not sampled"
            return Measurement("window_frequency", "Hz", absent=reason)
        medians.append(median(within))
    return Measurement("window_frequency", "Hz", samples=tuple(medians))
