"""What `device_scripts/android/conditions.sh` tells: sections behind lines `== name`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from harness.tools.android_device.battery import Battery, read_battery
from harness.tools.android_device.cpu_state import CpuState, busy_share, read_cpu_states
from harness.tools.android_device.thermal import Thermal, read_thermal
from harness.tools.android_device.whole_lines import whole_lines

_SECTIONS = ("cpu", "battery", "thermalservice", "power", "low_power", "end")
_AWAKE = {"Awake": True, "Dreaming": False, "Dozing": False, "Asleep": False}


@dataclass(frozen=True, slots=True)
class PhoneConditions:
    """A phone's conditions at one moment; what is not known is None.

    `cpu` is the latest state of its CPUs; `load` is the share of all cores that was busy just
    before; `awake` is whether the phone's screen is on (`mWakefulness=Awake`).
    """

    battery: Battery = field(default_factory=Battery)
    thermal: Thermal = field(default_factory=Thermal)
    cpu: CpuState | None = None
    load: float | None = None
    awake: bool | None = None
    battery_saver: bool | None = None


def read_conditions(text: str) -> PhoneConditions:
    """Read one answer of conditions.sh; a section that was cut off is not known."""
    sections = _sections(text)
    states = read_cpu_states(sections.get("cpu", ""))
    return PhoneConditions(
        battery=read_battery(sections.get("battery", "")),
        thermal=read_thermal(sections.get("thermalservice", "")),
        cpu=states[-1] if states else None,
        load=busy_share(states[0], states[1]) if len(states) == 2 else None,
        awake=_awake(sections.get("power", "")),
        battery_saver={"0": False, "1": True}.get(sections.get("low_power", "").strip()),
    )


def _sections(text: str) -> dict[str, str]:
    """Return the sections that another one follows; one that is there twice is not known."""
    lines = whole_lines(text)
    starts = [
        (at, line.removeprefix("== "))
        for at, line in enumerate(lines)
        if line.startswith("== ") and line.removeprefix("== ") in _SECTIONS
    ]
    names = [name for _, name in starts]
    return {
        name: "\n".join([*lines[begin + 1 : end], ""])
        for (begin, name), (end, _) in pairwise(starts)
        if names.count(name) == 1
    }


def _awake(text: str) -> bool | None:
    said = set(re.findall(r"^\s*mWakefulness=([A-Za-z]+)\s*$", text, re.MULTILINE))
    return _AWAKE.get(said.pop()) if len(said) == 1 else None
