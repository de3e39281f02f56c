"""Chrome as an app of a phone: started anew, found again, ended; see `chrome.sh`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.errors import RunFailed, TargetNotFound
from harness.transports.adb import ShellResult
from harness.transports.android_scripts import AndroidScripts

_STARTS_WITHIN_S = 60.0
_MEMINFO_S = 60.0
_PID = re.compile(r"^pid ([0-9]+)$", re.MULTILINE)
_CPU = re.compile(r"^cpu ([0-9]+) ([0-9]+)$", re.MULTILINE)
_NOT_INSTALLED, _NOT_ENDED = 3, 4


@dataclass(frozen=True, slots=True)
class ChromeApp:
    """One browser of a phone, by its package. Every method raises as `AdbDevice.shell`."""

    scripts: AndroidScripts
    package: str

    def start(self) -> int:
        """End it if it runs, start it with an empty page, and return its process.

        Raises:
            TargetNotFound: it is not installed (browser-missing).
            RunFailed: it could not be ended, or did not start.
        """
        ended = self.scripts.run("chrome.sh", "start", self.package, timeout_s=_STARTS_WITHIN_S)
        if ended.exit_code == _NOT_INSTALLED:
            raise TargetNotFound(
                f"{self.package} is not installed on the device",
                hint="install Chrome there, or name another build of it with `package:`",
                kind="browser-missing",
            )
        pid = _PID.findall(_text(ended))
        if ended.exit_code != 0 or not pid:
            what = "ended" if ended.exit_code == _NOT_ENDED else "started"
            raise RunFailed(
                f"{self.package} could not be {what}: {_last_words(ended)}",
                hint="start it by hand once, and answer what it asks a new user",
                kind="browser-not-started",
            )
        return int(pid[-1])

    def pid(self) -> int | None:
        """Return its process, None where it does not run."""
        found = _PID.search(_text(self.scripts.run("chrome.sh", "pid", self.package)))
        return int(found[1]) if found else None

    def stop(self) -> None:
        """End it; cannot be interrupted."""
        self.scripts.run("chrome.sh", "stop", self.package, spared=True)

    def page_processes(self) -> Mapping[int, int]:
        """Return the CPU time, in clock ticks, of each process that shows pages."""
        said = _text(self.scripts.run("chrome.sh", "cpu", self.package))
        return {int(pid): int(ticks) for pid, ticks in _CPU.findall(said)}

    def cpu_state(self, moment: Literal["before", "after"]) -> str:
        """Return the state of the CPUs, and the CPU time of all of its processes."""
        return _text(self.scripts.run("chrome.sh", moment, self.package))

    def meminfo(self, pid: int) -> str:
        """Return what the phone tells of a process's memory."""
        command = ["dumpsys", "meminfo", str(pid)]
        said = self.scripts.device.shell(command, timeout_s=_MEMINFO_S)
        return _text(said) + said.stderr.decode(errors="replace")


def _text(said: ShellResult) -> str:
    return said.stdout.decode(errors="replace").replace("\r\n", "\n")


def _last_words(said: ShellResult) -> str:
    lines = (_text(said) + said.stderr.decode(errors="replace")).strip().splitlines()
    return lines[-1] if lines else f"the script ended with {said.exit_code}"
