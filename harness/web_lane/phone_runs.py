"""What a run in a phone's browser needs beside the browser: the phone's conditions, and a way back.

The gate, the looks before and after a run and the verdict are those of the Android lane.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from harness.errors import HarnessError, RunFailed
from harness.phone_care.care import Admission, DeviceCare, take_care
from harness.phone_care.reading import BEGIN, CPU, END
from harness.transports.browsing import BrowserTransport
from harness.transports.cdp import PhoneChrome
from harness.transports.run_folder import RunFolder, claim
from harness.web_lane.options import BrowserKeys
from harness.web_lane.phone_conditions import CONDITIONS


@dataclass(slots=True)
class PhoneRuns:
    """The phone of one web session."""

    chrome: PhoneChrome
    place: RunFolder
    care: DeviceCare | None
    _admitted: Admission | None = field(default=None, init=False)
    _watched: str = field(default="", init=False)

    def admit(self, waiting: Callable[[str], None]) -> RunFailed | None:
        """Wait until a run may begin; return why it may not.

        Raises:
            TargetLost: the phone went away.
        """
        self._watched = ""
        if self.care is None:
            return None
        with self.chrome.device.errors():
            self._admitted = self.care.admit(waiting)
        if not self._admitted.refused:
            return None
        found = "; ".join(each.text for each in self._admitted.found)
        return RunFailed(found, hint="let the phone come to rest", kind="conditions-refused")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Ask for the CPUs' state just before and just after what is done meanwhile."""
        if self.care is None:
            yield
            return
        before = self.chrome.cpu_state("before")
        yield
        self._watched = before + self.chrome.cpu_state("after")

    def files(self) -> Mapping[str, bytes]:
        """Return what is kept of the conditions of the run that was just made."""
        if self.care is None or self._admitted is None:
            return {}
        record = json.dumps(self._admitted.record(self.care.rules), indent=1)
        files = {BEGIN: self._admitted.said.encode(), CONDITIONS: record.encode()}
        if not self._admitted.refused:
            with self.chrome.device.errors():
                files[END] = self.care.look().encode()
        if self._watched:
            files[CPU] = self._watched.encode()
        return files

    def recover(self) -> str:
        """Reach the phone again after it was lost; see `harness.plugins.Recoverable`."""
        self.chrome.recover()
        with self.chrome.device.errors():
            happened = self.place.recover()
            if self.care:
                self.care.prepare()
            return happened

    def close(self) -> None:
        """Give the phone's settings back."""
        with suppress(HarnessError):
            if self.care:
                self.care.restore()
        with suppress(HarnessError):
            self.place.give_back()


def phone_runs(transport: BrowserTransport, options: BrowserKeys) -> PhoneRuns | None:
    """Make the phone of a transport ready for runs; None where it has none.

    Raises:
        TargetUnfit, TargetLost: the phone cannot be had as the suite wants it.
    """
    if not isinstance(transport, PhoneChrome):
        return None
    device = transport.device
    with device.errors():
        place = claim(device.adb, device.root)
        try:
            care = take_care(
                device.adb, options, device.root, place.path, virtual=device.is_virtual
            )
        except BaseException:
            with suppress(HarnessError):
                place.give_back()
            raise
    return PhoneRuns(transport, place, care)
