"""What `device_scripts/android/device_info.sh` tells: lines `name=value`, then conditions."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.tools.android_device.conditions import PhoneConditions, read_conditions
from harness.tools.android_device.whole_lines import whole_lines


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device is; '' and None are not known. `can_su` says only that it has a `su`."""

    fingerprint: str = ""
    model: str = ""
    soc: str = ""
    android: str = ""
    sdk: int | None = None
    abi: str = ""
    memory_bytes: int | None = None
    boot_id: str = ""
    is_root: bool | None = None
    can_su: bool | None = None
    conditions: PhoneConditions = field(default_factory=PhoneConditions)


def read_device_info(text: str) -> DeviceInfo:
    """Read an answer of device_info.sh; what it has twice, and differently, is not known."""
    facts: dict[str, str] = {}
    doubtful: set[str] = set()
    for line in whole_lines(text):
        if line.startswith("== "):
            break
        name, equals, value = line.partition("=")
        if equals and facts.setdefault(name, value) != value:
            doubtful.add(name)
    known = {name: value for name, value in facts.items() if name not in doubtful}
    memory_kb, sdk = _whole(known.get("memory_kb", "")), _whole(known.get("sdk", ""))
    user = known.get("user", "")
    return DeviceInfo(
        fingerprint=known.get("fingerprint", ""),
        model=known.get("model", ""),
        soc=known.get("soc", ""),
        android=known.get("android", ""),
        sdk=sdk,
        abi=known.get("abi", ""),
        memory_bytes=memory_kb * 1024 if memory_kb else None,
        boot_id=known.get("boot_id", ""),
        is_root=user == "0" if user.isdecimal() else None,
        can_su={"yes": True, "no": False}.get(known.get("su", "")),
        conditions=read_conditions(text),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
