"""`samples.txt`, which `device_scripts/android/run.sh --sample` leaves: a line per sample.

    sample 12345.67 pss=10240 rss=20480 swap=0 hwm=20992 cpu0=1804800 cpu4=2400000 .

Uptime in seconds; memory of the tool's own process in kB of 1024 bytes, from smaps_rollup,
and its highest resident set so far, VmHWM of proc(5);
current frequencies in kHz. What the device does not tell is left out of the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.tools.android_device.whole_lines import whole_lines

_KIB = 1024
_SAMPLE = re.compile(
    r"sample (?P<uptime>[0-9]{1,12}\.[0-9]+)(?P<rest>(?: [a-z]+[0-9]*=[0-9]+)*) \."
)
_VALUE = re.compile(r"([a-z]+)([0-9]*)=([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a running tool; `frequencies_hz` is core → current clock."""

    uptime_s: float
    pss_bytes: int | None = None
    rss_bytes: int | None = None
    swap_pss_bytes: int | None = None
    hwm_bytes: int | None = None
    frequencies_hz: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemorySamples:
    """What samples say about the tool's memory: the highest values, and how many there were.

    `count` counts the samples that have a PSS. A peak between two samples is not seen, but for
    the high-water mark's, which the kernel keeps: that lacks only growth after the last one.
    """

    count: int = 0
    peak_pss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    peak_swap_pss_bytes: int | None = None
    hwm_bytes: int | None = None


def read_samples(text: str) -> tuple[Sample, ...]:
    """Return the whole samples of a text, in order; damaged lines are left out."""
    found = []
    for line in whole_lines(text):
        match = _SAMPLE.fullmatch(line)
        sample = _sample(match) if match else None
        if sample is not None:
            found.append(sample)
    return tuple(found)


def read_memory_samples(text: str) -> MemorySamples:
    """Return the peaks over all samples of a text."""
    samples = [sample for sample in read_samples(text) if sample.pss_bytes is not None]
    return MemorySamples(
        count=len(samples),
        peak_pss_bytes=_peak([sample.pss_bytes for sample in samples]),
        peak_rss_bytes=_peak([sample.rss_bytes for sample in samples]),
        peak_swap_pss_bytes=_peak([sample.swap_pss_bytes for sample in samples]),
        hwm_bytes=_peak([sample.hwm_bytes for sample in samples]),
    )


def _sample(match: re.Match[str]) -> Sample | None:
    values = [_VALUE.fullmatch(word) for word in match["rest"].split()]
    whole = [value for value in values if value is not None]
    names = [f"{value[1]}{value[2]}" for value in whole]
    if len(whole) < len(values) or len(set(names)) < len(names):
        return None
    memory = {value[1]: int(value[3]) * _KIB for value in whole if not value[2]}
    clocks = {int(value[2]): int(value[3]) * 1e3 for value in whole if value[1] == "cpu"}
    return Sample(
        uptime_s=float(match["uptime"]),
        pss_bytes=memory.get("pss"),
        rss_bytes=memory.get("rss"),
        swap_pss_bytes=memory.get("swap"),
        hwm_bytes=memory.get("hwm"),
        frequencies_hz=clocks,
    )


def _peak(values: list[int | None]) -> int | None:
    return max((value for value in values if value), default=None)
