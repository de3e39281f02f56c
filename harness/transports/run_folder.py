"""A session's folder on a device: claimed, cleared after the device was lost, and given back."""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass

from harness import locations
from harness.errors import TargetUnfit
from harness.transports.adb import AdbDevice, ShellResult, owners, push_refused

_SHORT_S = 30.0
_NAME = re.compile(r"[0-9a-f]{16}")
_LEFT = re.compile(r"EDGEBENCH-LEFT (?P<name>\S+) (?P<age>new|old) ?(?P<owner>.*)")
# Both are another one after each boot; either may be missing or forbidden on a phone.
_BOOT = """
echo "$(cat /proc/sys/kernel/random/boot_id 2> /dev/null) $(getprop ro.boottime.init)"
getprop sys.boot_completed
"""


@dataclass(slots=True)
class RunFolder:
    """Where one session makes its runs on a device.

    `boot` names the boot in which it was claimed, `started` what the device then said about
    having started.
    """

    device: AdbDevice
    root: str
    path: str
    boot: str
    started: str

    def recover(self) -> str:
        """Reach the device again, kill what still works in the folder, and clear it.

        Returns `rebooted` if it was started anew meanwhile, else ''.

        Raises:
            TargetError: it is not ready yet; its class says what is in the way.
        """
        self.device.reach()
        boot, started = _boot(self.device)
        if started != self.started:
            raise TargetUnfit(
                "the device is still starting",
                where=self.device.serial,
                hint="wait until it has; then resume the run",
                kind="offline",
            )
        self.give_back()
        _sweep(self.device, "parts", f"{self.root}/cache")
        _make(self.device, self.path)
        happened = "rebooted" if boot != self.boot else ""
        self.boot = boot
        return happened

    def give_back(self) -> None:
        """Kill what still works in the folder, and remove it.

        Raises:
            TargetUnfit: something of it stays.
        """
        _end(self.device, [self.path])


def claim(device: AdbDevice, root: str) -> RunFolder:
    """Remove what dead sessions left below `root`, and make a folder for a new one.

    A session is dead if it was a process of this host that has ended, or if nobody knows and
    nothing in its folder has changed for a day.

    Raises:
        TargetUnfit: the device has no space for it, or does not let us write.
        TargetLost: the device went away.
    """
    runs = f"{root}/runs"
    said = _sweep(device, "list", runs).stdout.decode(errors="replace")
    left = [match for line in said.splitlines() if (match := _LEFT.fullmatch(line))]
    dead = [each["name"] for each in left if _is_dead(each["age"], each["owner"])]
    _end(device, [f"{runs}/{name}" for name in dead if _NAME.fullmatch(name)])
    if len(dead) == len(left):
        # Nobody else pushes to this device.
        _sweep(device, "parts", f"{root}/cache")
    path = f"{runs}/{secrets.token_hex(8)}"
    _make(device, path)
    boot, started = _boot(device)
    return RunFolder(device, root, path, boot, started)


def _is_dead(age: str, owner: str) -> bool:
    alive = owners.is_alive(owner)
    return age == "old" if alive is None else not alive


def _make(device: AdbDevice, path: str) -> None:
    name, owner = shlex.quote(path), shlex.quote(owners.this_process())
    made = device.shell(f"mkdir -p {name} && echo {owner} > {name}.owner", timeout_s=_SHORT_S)
    if made.exit_code != 0:
        raise push_refused(device.serial, path, made.stderr.decode(errors="replace").strip())


def _end(device: AdbDevice, folders: list[str]) -> None:
    if folders and _sweep(device, "end", *folders).exit_code != 0:
        raise TargetUnfit(
            "what an earlier run left on the device cannot be removed",
            where=device.serial,
            hint="remove it by hand: `adb shell rm -rf` and the folder edgebench/runs",
        )


def _sweep(device: AdbDevice, *arguments: str) -> ShellResult:
    # Through stdin, since a full device takes no file.
    script = (locations.device_scripts() / "android" / "sweep.sh").read_bytes()
    return device.shell(["sh", "-s", *arguments], stdin=script, timeout_s=_SHORT_S, spared=True)


def _boot(device: AdbDevice) -> tuple[str, str]:
    said = device.shell(_BOOT, timeout_s=_SHORT_S).stdout.decode(errors="replace")
    boot, _, started = said.partition("\n")
    return boot.strip(), started.strip()
