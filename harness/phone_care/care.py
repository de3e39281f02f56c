"""Taking care of a device: made ready, looked at before and after each run, and given back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, TargetUnfit
from harness.phone_care.keys import Conditions
from harness.phone_care.rules import Finding, found_before
from harness.tools.android_device import PhoneConditions, read_conditions
from harness.transports.adb import AdbDevice, ShellResult
from harness.transports.android_scripts import AndroidScripts, bring_scripts, saved_values

_LOAD_SPAN_S = "0.5"
"""Over so long the load before a run is counted."""
_LOOK_AGAIN_S = 5.0
_MARGIN_S = 30.0
_NO_ROOT = 3


@dataclass(frozen=True, slots=True)
class Admission:
    """How the gate before a run ended.

    `said` is the last look at the phone, in its own words; `found` is what was still wrong
    then. A run that is refused is not made.
    """

    said: str
    waited_s: float
    found: tuple[Finding, ...]
    refused: bool

    def record(self, rules: Conditions) -> dict[str, Any]:
        """Return what is stored beside a run, as JSON."""
        return {
            "rules": rules.model_dump(mode="json"),
            "waited_s": round(self.waited_s, 3),
            "refused": self.refused,
            "found": [finding.text for finding in self.found],
        }


@dataclass(frozen=True, slots=True)
class DeviceCare:
    """The care for one device during one session; `runs` is the session's folder there."""

    scripts: AndroidScripts
    rules: Conditions
    root: str
    runs: str

    def prepare(self) -> None:
        """Restore what a crashed session left, then set up what is asked for.

        Raises:
            TargetUnfit: the device cannot be had as the suite wants it; all is given back.
        """
        self.restore()
        try:
            self._set_up()
            if self.rules.lock_clocks:
                self._lock_clocks()
        except BaseException:
            with suppress(HarnessError):
                self.restore()
            raise

    def restore(self) -> None:
        """Give back every value that set-up changed, in this session or in one that crashed.

        Raises:
            TargetUnfit: something could not be restored; it stays kept on the device.
        """
        said = self.scripts.run("restore.sh", saved_values(self.root), spared=True)
        if said.exit_code != 0:
            raise TargetUnfit(
                f"not all settings of the device could be restored: {_complaint(said)}",
                hint="try again with `edgebench devices restore` and its serial",
            )

    def admit(self, waiting: Callable[[str], None]) -> Admission:
        """Wait, at most as long as the rules say, until a run may begin; `waiting` is told why.

        Raises:
            RunError: the wait was interrupted, or the device does not answer in time.
            TargetLost: the device went away.
        """
        begun = time.monotonic()
        woken = False
        while True:
            said = self.look(_LOAD_SPAN_S)
            waited_s = time.monotonic() - begun
            seen = read_conditions(said)
            if seen.awake is False and self.rules.stay_awake and not woken:
                woken = True
                self._set_up()
                continue
            found = found_before(seen, self.rules)
            left_s = self.rules.wait_s - waited_s
            if left_s <= 0 or not any(finding.passes for finding in found):
                return Admission(said, waited_s, found, self._refuses(found))
            waiting(f"{'; '.join(each.text for each in found)} (for {left_s:.0f} s at most)")
            self._wait(seen, left_s)

    def look(self, span_s: str = "") -> str:
        """Return the conditions of this moment as the device tells them."""
        arguments = (span_s,) if span_s else ()
        return self.scripts.run("conditions.sh", *arguments).stdout.decode(errors="replace")

    def _refuses(self, found: tuple[Finding, ...]) -> bool:
        # What would be invalid afterwards need not be measured.
        return bool(found) and (
            self.rules.otherwise == "refuse" or any(each.word == "invalid" for each in found)
        )

    def _wait(self, seen: PhoneConditions, left_s: float) -> None:
        """Wait on the device, in a process group that an interrupt ends there."""
        status, celsius = seen.thermal.status, seen.battery.celsius
        hot = (status is not None and status > self.rules.max_thermal_status) or (
            celsius is not None and celsius > self.rules.max_battery_c
        )
        seconds = left_s if hot else min(left_s, _LOOK_AGAIN_S)
        command = [
            *("sh", self.scripts.path("thermal_wait.sh")),
            *(str(self.rules.max_thermal_status), str(int(self.rules.max_battery_c * 10))),
            *(str(int(seconds)), "2"),
        ]
        if not hot:
            command = ["sleep", f"{seconds:.1f}"]
        folder = f"{self.runs}/wait"
        self.scripts.device.shell(["mkdir", "-p", folder], timeout_s=_MARGIN_S)
        self.scripts.device.shell(
            ["sh", self.scripts.path("run.sh"), folder, "wait", *command],
            timeout_s=seconds + _MARGIN_S,
            pgid_file=f"{folder}/pgid",
        )

    def _set_up(self) -> None:
        wishes = self.rules.wishes()
        if not wishes:
            return
        said = self.scripts.run("setup.sh", saved_values(self.root), *wishes)
        # What is only a default must not keep a phone out that forbids it.
        asked = self.rules.model_fields_set & {"stay_awake", "animations", "brightness"}
        if said.exit_code != 0 and asked:
            raise TargetUnfit(
                f"the device could not be set up: {_complaint(said)}",
                hint="take the key out of this target's `conditions:`, or allow it on the phone "
                "(some makers ask for 'USB debugging (security settings)')",
            )

    def _lock_clocks(self) -> None:
        said = self.scripts.run("lock_clocks.sh", "lock", saved_values(self.root))
        if said.exit_code == _NO_ROOT:
            raise TargetUnfit(
                "its clocks cannot be locked: that needs root",
                hint="take `lock_clocks` out of this target's `conditions:`, or root the phone",
            )
        if said.exit_code != 0:
            raise TargetUnfit(
                f"its clocks cannot be locked: {_complaint(said)}",
                hint="take `lock_clocks` out of this target's `conditions:`",
            )


def _complaint(said: ShellResult) -> str:
    words = (said.stderr or said.stdout).decode(errors="replace").strip()
    return words or f"the script ended with {said.exit_code}"


def take_care(
    device: AdbDevice, options: Any, root: str, runs: str, *, virtual: bool
) -> DeviceCare | None:
    """Make a device ready; on a virtual one only where the suite has the key `conditions`.

    `options` is a target's, with `ConditionKeys` among its bases.

    Raises:
        TargetUnfit, TargetLost: the device cannot be had as the suite wants it.
    """
    if virtual and "conditions" not in options.model_fields_set:
        return None
    care = DeviceCare(bring_scripts(device, root), options.conditions, root, runs)
    care.prepare()
    return care
