"""The state of the CPUs as `device_scripts/android/cpu_state.sh` prints it, and what two tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.tools.android_device.whole_lines import whole_lines

# The unit of /proc/stat and of time_in_state is 1/100 s on every Linux that Android runs on.
_TICK_S = 0.01
_CORE = re.compile(
    r"core (?P<core>[0-9]{1,3}) cur=(?P<current>\S*) min=(?P<low>\S*) max=(?P<high>\S*) "
    r"hardware=(?P<hardware>\S*) governor=(?P<governor>\S*)"
)
_SPENT = re.compile(r"spent (?P<core>[0-9]{1,3})(?P<spent>(?: [0-9]{1,10}=[0-9]{1,18})+)")
_STAT = re.compile(r"stat cpu +(?P<ticks>[0-9]{1,18}(?: [0-9]{1,18}){6,9})")
_UPTIME = re.compile(r"uptime ([0-9]{1,12}\.[0-9]+)")
_SUBJECT = re.compile(r"(?:core|spent) [0-9]+|stat|uptime")
_IDLE = (3, 4)
"""Idle and waiting for a disk, among the columns of /proc/stat."""
_GUEST = 8
"""From here on the columns are counted in earlier ones already."""
_APP = re.compile(r"app (before|after) ([0-9]{1,18})")
_TIMES = re.compile(r"([0-9]+)m([0-9]+(?:\.[0-9]+)?)s\s+([0-9]+)m([0-9]+(?:\.[0-9]+)?)s")


@dataclass(frozen=True, slots=True)
class CpuCore:
    """The clock of one core, in Hz; `low_hz` and `high_hz` are the limits in force."""

    number: int
    current_hz: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    hardware_hz: float | None = None
    governor: str = ""


@dataclass(frozen=True, slots=True)
class CpuState:
    """All cores at one moment; `total_s` and `idle_s` are CPU seconds of all since boot.

    `spent_s` is core → frequency in Hz → seconds at it since boot.
    """

    name: str
    uptime_s: float | None = None
    total_s: float | None = None
    idle_s: float | None = None
    cores: tuple[CpuCore, ...] = ()
    spent_s: Mapping[int, Mapping[float, float]] = field(default_factory=dict)


def read_cpu_states(text: str) -> tuple[CpuState, ...]:
    """Return the states in a text, in order; one without its end was cut off and is left out."""
    states: list[CpuState] = []
    name, body = "", list[str]()
    for line in whole_lines(text):
        word, _, rest = line.partition(" ")
        if word == "state":
            name, body = rest, []
        elif word == "end" and rest == name and name:
            states.append(_state(name, body))
            name = ""
        elif name:
            body.append(line)
    return tuple(states)


def busy_share(before: CpuState, after: CpuState, *, own_s: float | None = 0.0) -> float | None:
    """Return the share of all cores that was busy between two states, less `own_s` CPU seconds.

    None where it is not known: states without times, or no time between them.
    """
    known = (before.total_s, before.idle_s, after.total_s, after.idle_s, own_s)
    if any(value is None for value in known):
        return None
    total_before, idle_before, total_after, idle_after, own = (float(v or 0.0) for v in known)
    # Both are sums of hundredths of a second.
    total = round(total_after - total_before, 2)
    busy = round(total - (idle_after - idle_before), 2)
    if total <= 0 or busy < 0 or busy > total:
        return None
    # The two clocks tick apart: a tool alone on its machine may come out below nothing.
    return max(0.0, busy - own) / total


def mean_frequencies(before: CpuState, after: CpuState) -> dict[int, float]:
    """Return the mean clock of each core between two states, weighted by time, where known."""
    means: dict[int, float] = {}
    for core, spent in after.spent_s.items():
        earlier = before.spent_s.get(core, {})
        seconds = {hz: spent[hz] - earlier.get(hz, 0.0) for hz in spent}
        whole = sum(seconds.values())
        if earlier and whole > 0 and min(seconds.values()) >= 0:
            means[core] = round(sum(hz * share for hz, share in seconds.items()) / whole, 3)
    return means


def children_seconds(text: str) -> float | None:
    """Return the CPU seconds of a wrapper's children, as the shell's `times` told them."""
    lines = whole_lines(text)
    if "children" not in lines:
        return None
    said = lines[lines.index("children") + 1 :][:3]
    match = _TIMES.fullmatch(said[1].strip()) if len(said) == 3 else None
    if match is None or said[2] != "end children":
        return None
    user, system = (60 * int(match[i]) + float(match[i + 1]) for i in (1, 3))
    return user + system


def app_seconds(text: str) -> float | None:
    """Return the CPU seconds of an app between two moments, as `chrome.sh` told them."""
    said = (_APP.fullmatch(line) for line in whole_lines(text))
    told = {match[1]: match[2] for match in said if match}
    if told.keys() != {"before", "after"}:
        return None
    ticks = int(told["after"]) - int(told["before"])
    return ticks * _TICK_S if ticks >= 0 else None


def _state(name: str, body: list[str]) -> CpuState:
    uptime_s = total_s = idle_s = None
    cores: dict[int, CpuCore] = {}
    spent: dict[int, Mapping[float, float]] = {}
    for line in _said_once(body):
        if match := _CORE.fullmatch(line):
            cores[int(match["core"])] = _core(match)
        elif match := _SPENT.fullmatch(line):
            spent[int(match["core"])] = _spent(match["spent"])
        elif match := _STAT.fullmatch(line):
            ticks = [int(number) for number in match["ticks"].split()][:_GUEST]
            total_s = sum(ticks) * _TICK_S
            idle_s = sum(ticks[column] for column in _IDLE) * _TICK_S
        elif match := _UPTIME.fullmatch(line):
            uptime_s = float(match[1])
    ordered = tuple(cores[number] for number in sorted(cores))
    return CpuState(name, uptime_s, total_s, idle_s, ordered, spent)


def _said_once(lines: list[str]) -> list[str]:
    """Return the lines without those that say different things of one subject."""
    by_subject: dict[str, set[str]] = {}
    for line in lines:
        match = _SUBJECT.match(line)
        if match:
            by_subject.setdefault(match[0], set()).add(line)
    return [said.pop() for said in by_subject.values() if len(said) == 1]


def _core(match: re.Match[str]) -> CpuCore:
    return CpuCore(
        number=int(match["core"]),
        current_hz=_hertz(match["current"]),
        low_hz=_hertz(match["low"]),
        high_hz=_hertz(match["high"]),
        hardware_hz=_hertz(match["hardware"]),
        governor=match["governor"],
    )


def _spent(text: str) -> dict[float, float]:
    pairs = (pair.partition("=") for pair in text.split())
    return {int(khz) * 1e3: int(ticks) * _TICK_S for khz, _, ticks in pairs}


def _hertz(khz: str) -> float | None:
    return int(khz) * 1e3 if re.fullmatch("[0-9]{4,8}", khz) else None
