"""What adb's own words mean in ours; pure."""

from __future__ import annotations

from typing import Self

from harness.errors import (
    HarnessError,
    OutputUnreadable,
    RunFailed,
    RunTimedOut,
    TargetLost,
    TargetUnfit,
)
from harness.transports.adb.states import DeviceState, unready


class _CutShort(HarnessError):
    """A command that was ended by us; `stdout` and `stderr` are what it had said until then."""

    stdout = b""
    stderr = b""

    def keeping(self, stdout: bytes, stderr: bytes) -> Self:
        self.stdout, self.stderr = stdout, stderr
        return self


class ShellTimedOut(_CutShort, RunTimedOut):
    """A call over adb did not end in time; the device, not only the tool, may be stuck."""

    kind = "adb-timed-out"


class ShellOverflowed(_CutShort, OutputUnreadable):
    """A command said more than is kept."""


class ShellInterrupted(_CutShort, RunFailed):
    """A command was ended by `interrupt`."""

    kind = "killed"


def lost(serial: str, doing: str, detail: str = "") -> TargetLost:
    """Return the error for a device that went away during `doing`."""
    return TargetLost(
        f"the device went away during {doing}" + (f": {detail}" if detail else ""),
        where=serial,
        hint="check the cable or the network, look at `adb devices -l`, then resume the run",
    )


def refused(serial: str, doing: str, message: str) -> HarnessError:
    """Translate the adb server's refusal (the text after its FAIL) to reach a device.

    An empty text, 'closed' and everything unknown mean that the device went away.
    """
    if "unauthorized" in message:
        return unready(DeviceState(serial, "unauthorized"))
    if "no permissions" in message or "insufficient permissions" in message:
        return unready(DeviceState(serial, "no permissions"))
    return lost(serial, doing, message)


def push_refused(serial: str, remote: str, message: str) -> TargetUnfit:
    """Translate what a device answers, in strerror's words, when it does not take a file."""
    text = message or "no reason given"
    kind = "push-failed"
    if "No space left" in message or "quota" in message.lower():
        kind, hint = "no-space", "free some storage on the device: `adb shell df -h /data`"
    elif "Read-only file system" in message:
        kind = "read-only"
        hint = "push to a folder that can be written: /data/local/tmp"
    elif "Permission denied" in message or "not permitted" in message:
        kind = "read-only"
        hint = "push to a folder that the shell user may write: /data/local/tmp"
    elif "Is a directory" in message:
        hint = "remove the folder of that name from the device"
    else:
        hint = "look at the device's storage: `adb shell df -h /data`, then try again"
    return TargetUnfit(
        f"the device did not take {remote}: {text}", where=serial, hint=hint, kind=kind
    )
