"""The half of a lease that stands on the device: who has it, and for how long.

`device_scripts/android/lease.sh` keeps the marker and says what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness import locations
from harness.machine_label import machine_label
from harness.transports.adb import AdbDevice
from harness.transports.processes import ProcessId, still_runs, this_process

_ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, as its marker says: `machine:pid:started`; a stranger's may not."""

    text: str

    @classmethod
    def ourselves(cls) -> Holder:
        """Return this process."""
        process = this_process()
        return cls(f"{machine_label()}:{process.pid}:{process.started!r}")

    @property
    def machine(self) -> str:
        """Return the label of the machine, which is never its name."""
        return self.text.partition(":")[0]

    @property
    def is_gone(self) -> bool:
        """Tell whether it is known to have ended: a process of this machine that runs no more."""
        machine, _, process = self.text.partition(":")
        pid, _, started = process.partition(":")
        try:
            told = ProcessId(int(pid), float(started))
        except ValueError:
            return False
        return machine == machine_label() and not still_runs(told)


@dataclass(frozen=True, slots=True)
class Marker:
    """What lease.sh said: a word, and the lease that stands there or stood there."""

    word: str
    token: str = ""
    holder: Holder = Holder("")
    left_s: int = 0

    @property
    def until(self) -> str:
        """Return when it ends by this host's clock, for people."""
        end = datetime.now(UTC) + timedelta(seconds=self.left_s)
        return f"{end:%H:%M} UTC"


def parse_marker(said: str) -> Marker:
    """Read a line of lease.sh; anything else is the word `failed`."""
    words = said.split()
    match words:
        case ["taken" | "renewed" | "released" | "free" as word]:
            return Marker(word)
        case ["taken-over" | "leased" as word, token, holder, left] if _is_whole(left):
            return Marker(word, token, Holder(holder), int(left))
        case _:
            return Marker("failed")


def ask(device: AdbDevice, action: str, file: str, *arguments: str) -> Marker:
    """Run one action of lease.sh on the device.

    Raises:
        TargetLost, RunTimedOut: as `AdbDevice.shell`.
    """
    # Not brought there as a file: the lease comes before anything else is written.
    script = (locations.device_scripts() / "android" / "lease.sh").read_text()
    command: Sequence[str] = ["sh", "-c", script, "lease.sh", action, file, *arguments]
    said = device.shell(command, timeout_s=_ANSWER_S)
    return parse_marker(said.stdout.decode(errors="replace"))


def file_of(root: str) -> str:
    """Return where the marker stands, below the harness's folder on the device."""
    return f"{root}/lease"


def seen_marker(device: AdbDevice, root: str) -> Marker | None:
    """Return the lease that stands on a device, None if there is none in force.

    Raises:
        TargetLost, RunTimedOut: as `AdbDevice.shell`.
    """
    marker = ask(device, "show", file_of(root))
    return marker if marker.word == "leased" and not marker.holder.is_gone else None


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 16
