"""`dumpsys battery`: lines `  key: value` below `Current Battery Service state:`.

`level` of `scale`; `temperature` in tenths of a degree Celsius; `AC powered`, `USB powered`,
`Wireless powered`, `Dock powered`: true or false (AOSP's BatteryService.dumpInternal; vendors
add lines, and Samsung a log behind the state in which the same words stand again).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.tools.android_device.whole_lines import whole_lines

_TITLE = "Current Battery Service state:"
_STOPPED = "UPDATES STOPPED"
_ENTRY = re.compile(r"\s+([A-Za-z][A-Za-z ]*): (\S.*?)\s*")
_PLUGS = ("AC powered", "USB powered", "Wireless powered", "Dock powered")
_COLDEST_C, _HOTTEST_C = -40.0, 120.0


@dataclass(frozen=True, slots=True)
class Battery:
    """What is known of a battery: charge in percent, temperature, whether power comes in."""

    percent: float | None = None
    celsius: float | None = None
    plugged: bool | None = None


def read_battery(text: str) -> Battery:
    """Read the answer of `dumpsys battery`.

    Values that were set by hand (`dumpsys battery set …`), or are given twice and differ, or lie
    outside of what a battery can have, are not known.
    """
    entries = _entries(text)
    tenths = _whole(entries.get("temperature"))
    celsius = None if tenths is None else tenths / 10
    return Battery(
        percent=_percent(_whole(entries.get("level")), _whole(entries.get("scale"))),
        celsius=celsius if celsius is not None and _COLDEST_C < celsius < _HOTTEST_C else None,
        plugged=_plugged(entries),
    )


def _percent(level: int | None, scale: int | None) -> float | None:
    if level is None or scale is None or scale <= 0 or not 0 <= level <= scale:
        return None
    return 100 * level / scale


def _plugged(entries: Mapping[str, str]) -> bool | None:
    said = [entries[plug] for plug in _PLUGS if plug in entries]
    if "true" in said:
        return True
    # The status stands behind all plugs: with it none of them was cut off.
    return False if said and set(said) == {"false"} and "status" in entries else None


def _entries(text: str) -> dict[str, str]:
    """Return the entries right below the title; one that stands there twice must be the same."""
    lines = [line for line in whole_lines(text) if line]
    if _TITLE not in lines or _STOPPED in text:
        return {}
    entries: dict[str, str] = {}
    doubtful: set[str] = set()
    for line in lines[lines.index(_TITLE) + 1 :]:
        match = _ENTRY.fullmatch(line)
        if match is None:
            if not line.startswith((" ", "\t")):
                break
            continue
        key, value = match[1], match[2]
        if entries.setdefault(key, value) != value:
            doubtful.add(key)
    return {key: value for key, value in entries.items() if key not in doubtful}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,9}", text) else None
