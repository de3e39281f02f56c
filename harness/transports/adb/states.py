"""What an adb server says about the devices it sees, and what to do about each state; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import TargetError, TargetNotFound, TargetUnfit

READY = "device"
_NO_PERMISSIONS = "no permissions"

# The names are those of adb's `ConnectionState`; a state may be followed by an explanation.
_HINTS = {
    "unauthorized": "unlock the phone and accept its question about USB debugging; if none "
    "appears, revoke USB debugging authorisations in its developer options and plug it in again",
    "authorizing": "unlock the phone and accept its question about USB debugging",
    "offline": "run `adb reconnect offline`, or unplug the phone and plug it in again",
    "connecting": "wait a moment and try again",
    _NO_PERMISSIONS: "install the udev rules for your phone (Debian: package "
    "android-sdk-platform-tools-common), join the group plugdev, and plug the phone in again",
    "recovery": "boot the phone into Android: `adb reboot`",
    "rescue": "boot the phone into Android: `adb reboot`",
    "sideload": "boot the phone into Android: `adb reboot`",
    "bootloader": "boot the phone into Android: `fastboot reboot`",
    "host": "connect a phone: this is not one",
    "detached": "attach the phone to this adb server: `adb attach`",
    "disconnect": "plug the phone in again",
    "unknown": "unplug the phone and plug it in again",
}
_KINDS = {
    "unauthorized": "unauthorized",
    "authorizing": "unauthorized",
    "offline": "offline",
    "connecting": "offline",
    "recovery": "recovery",
    "rescue": "recovery",
    "sideload": "recovery",
}
_LINE = re.compile(
    r"(?P<serial>\S.*?)\s+(?P<state>device|"
    + "|".join(map(re.escape, _HINTS))
    + r")(?=\s|$)(?P<rest>.*)"
)
_TAG = re.compile(r"(?:^|\s)(?P<key>usb|product|model|device|transport_id):(?P<value>\S+)")


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device as an adb server lists it; `model` is '' where the server does not know it."""

    serial: str
    state: str
    model: str = ""

    @property
    def ready(self) -> bool:
        return self.state == READY

    @property
    def kind(self) -> str:
        """Return the class of failure that this state means."""
        if self.state == _NO_PERMISSIONS:
            return "no-permissions"
        return _KINDS.get(self.state, "target-unfit")

    @property
    def hint(self) -> str:
        """Return what to do next, '' for a device that is ready."""
        if self.ready:
            return ""
        return _HINTS.get(self.state, "unplug the phone and plug it in again")


def parse_devices(listing: str) -> tuple[DeviceState, ...]:
    """Read the answer to `host:devices-l`, one device a line; what is not a device is left out.

    A line is the serial (which may hold blanks), its state, an explanation for some states,
    and `key:value` tags.
    """
    found = []
    for line in listing.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match:
            tags = {tag["key"]: tag["value"] for tag in _TAG.finditer(match["rest"])}
            found.append(DeviceState(match["serial"], match["state"], tags.get("model", "")))
    return tuple(found)


def choose(device: str, present: Sequence[DeviceState]) -> str:
    """Return the serial that `device` ('auto', or a serial) means among those present.

    Raises:
        TargetNotFound: there is none, or none of that serial.
        TargetUnfit: it is not ready, or `auto` could mean several.
    """
    listed = ", ".join(f"{each.serial} ({each.state})" for each in present)
    if device != "auto":
        for each in present:
            if each.serial == device:
                return _ready(each)
        raise TargetNotFound(
            f"no device with the serial {device!r} is attached",
            where=device,
            hint=f"attached: {listed}" if listed else "attach it and look at `adb devices -l`",
        )
    if not present:
        raise TargetNotFound(
            "no phone is attached",
            hint="attach a phone with USB debugging switched on, or write `device: virtual`",
        )
    if len(present) > 1:
        raise TargetUnfit(
            f"`auto` could mean any of {len(present)} attached devices: {listed}",
            hint=f"name one by its serial: `device: {present[0].serial}`",
        )
    return _ready(present[0])


def _ready(each: DeviceState) -> str:
    if not each.ready:
        raise unready(each)
    return each.serial


def unready(each: DeviceState) -> TargetError:
    """Return the error that names why a device cannot be used, and what to do."""
    return TargetUnfit(
        f"the device is not ready: {each.state}", where=each.serial, hint=each.hint, kind=each.kind
    )
