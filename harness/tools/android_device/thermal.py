"""`dumpsys thermalservice` of Android 10 and newer (AOSP's ThermalManagerService.dump).

    IsStatusOverride: false
    Thermal Status: 0
    Cached temperatures:
        Temperature{mValue=25.6, mType=0, mName=AP, mStatus=0}
    HAL Ready: true
    Current temperatures from HAL:
        Temperature{mValue=25.6, mType=0, mName=AP, mStatus=0}
    Current cooling devices from HAL:

The status is 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown. Types
are 0 CPU, 1 GPU, 2 battery, 3 skin, 9 NPU; 6 to 8 are volts, amperes and percents of a battery,
and some makers number them otherwise and write the type into the name (`TYPE_SKIN`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.tools.android_device.whole_lines import whole_lines

STATUS_NAMES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_TEMPERATURE = re.compile(
    r"\s*Temperature\{mValue=(?P<value>-?[0-9]{1,4}\.[0-9]+), mType=(?P<type>-?[0-9]{1,2}), "
    r"mName=(?P<name>[^,{}]*), mStatus=[0-9]\}\s*"
)
_TYPES = {"0": "CPU", "1": "GPU", "2": "BATTERY", "3": "SKIN"}
# The cached temperatures above them may be hours old.
_BEGIN, _END = "Current temperatures from HAL:", "Current cooling devices from HAL:"
# Makers write 0.0 and -99.9 where there is no sensor.
_COLDEST_C, _HOTTEST_C = -40.0, 150.0


@dataclass(frozen=True, slots=True)
class Thermal:
    """What is known of a phone's heat: its status, its skin, the hottest of its CPU sensors."""

    status: int | None = None
    skin_c: float | None = None
    cpu_c: float | None = None


def read_thermal(text: str) -> Thermal:
    """Read the answer of `dumpsys thermalservice`.

    The status is not known where it was set by hand, and where the service has no sensors to
    draw it from (`HAL Ready: false`): it then says 0 for ever. Only present temperatures count.
    """
    lines = whole_lines(text)
    found = _temperatures(lines)
    trusted = "IsStatusOverride: false" in lines and "HAL Ready: true" in lines
    return Thermal(
        status=_status(lines) if trusted else None,
        skin_c=max(found.get("SKIN", []), default=None),
        cpu_c=max(found.get("CPU", []), default=None),
    )


def _status(lines: list[str]) -> int | None:
    said = {line for line in lines if line.startswith("Thermal Status: ")}
    match = re.fullmatch(r"Thermal Status: ([0-6])\s*", said.pop()) if len(said) == 1 else None
    return int(match[1]) if match else None


def _temperatures(lines: list[str]) -> dict[str, list[float]]:
    """Return the present temperatures by what they are of; none if the list is not whole."""
    if lines.count(_BEGIN) != 1 or lines.count(_END) != 1:
        return {}
    by_name: dict[tuple[str, str], float] = {}
    for line in lines[lines.index(_BEGIN) + 1 : lines.index(_END)]:
        match = _TEMPERATURE.fullmatch(line)
        if match is None:
            continue
        name, celsius = (_kind(match), match["name"]), float(match["value"])
        if by_name.setdefault(name, celsius) != celsius:
            return {}
    found: dict[str, list[float]] = {}
    for (kind, _), celsius in by_name.items():
        if celsius != 0 and _COLDEST_C < celsius < _HOTTEST_C:
            found.setdefault(kind, []).append(celsius)
    return found


def _kind(match: re.Match[str]) -> str:
    named = match["name"].strip()
    if named.startswith("TYPE_"):
        return named.removeprefix("TYPE_")
    return _TYPES.get(match["type"], "")
