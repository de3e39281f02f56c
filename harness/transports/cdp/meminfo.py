"""By how much the process of a page on a phone has grown, as `dumpsys meminfo` tells it.

The text is what `ActivityThread.dumpMemInfoTable` of Android writes: the App Summary's line
`TOTAL PSS:` (Android 10 and newer), `TOTAL:` before that, and the table's row `TOTAL`, whose
first number is the same; in kB of 1024 bytes.
"""

from __future__ import annotations

import re
from typing import Any

from harness.errors import TargetUnfit
from harness.transports.browsing import OpenPage
from harness.transports.cdp.chrome_app import ChromeApp
from harness.transports.process_memory import busiest

METHOD = "dumpsys meminfo"
_TOTALS = (
    re.compile(r"^\s*TOTAL PSS:\s*([0-9]+)\b", re.MULTILINE),
    re.compile(r"^\s*TOTAL:\s*([0-9]+)\b", re.MULTILINE),
    re.compile(r"^\s*TOTAL\s+([0-9]+)\b", re.MULTILINE),
)
# As on this host: fixed work, since a fixed time picks the wrong process under load.
_BURN_TURNS = 40_000_000
_BURN_TRIES = 20


def pss_of(told: str) -> int:
    """Return the proportional set size of a process in bytes.

    Raises:
        TargetUnfit: the phone told of no such process, or refused.
    """
    for total in _TOTALS:
        found = total.search(told)
        if found:
            return int(found[1]) * 1024
    said = next((line.strip() for line in told.splitlines() if line.strip()), "nothing")
    raise TargetUnfit(
        f"`dumpsys meminfo` tells no total of the page's process: {said[:120]}",
        hint="try it by hand: `adb shell dumpsys meminfo` and the process' number",
    )


class MeminfoBaseline:
    """The memory of a page's process, read after garbage collection when this is made."""

    def __init__(self, app: ChromeApp, page: OpenPage) -> None:
        self._app = app
        self._page = page
        self._absent = "the page's process cannot be told apart from its siblings"
        self._before: int | None = None
        self._pid = _find_process(app, page)
        if self._pid is not None:
            self._before = self._read(self._pid)

    def growth(self) -> dict[str, Any]:
        """Return the growth after another garbage collection, as run.json keeps it."""
        after = None if self._pid is None or self._before is None else self._read(self._pid)
        if after is None or self._before is None:
            return {"method": METHOD, "absent": self._absent}
        return {
            "method": METHOD,
            "pid": self._pid,
            "baseline_pss_bytes": self._before,
            "after_pss_bytes": after,
            "meminfo_pss_delta_bytes": after - self._before,
        }

    def _read(self, pid: int) -> int | None:
        self._page.collect_garbage()
        try:
            return pss_of(self._app.meminfo(pid))
        except TargetUnfit as error:
            self._absent = str(error)
            return None


def _find_process(app: ChromeApp, page: OpenPage) -> int | None:
    """Tell a page's process from those of other pages by having it work."""
    for _ in range(_BURN_TRIES):
        before = app.page_processes()
        page.evaluate("turns => edgebench.burn(turns)", _BURN_TURNS)
        pid = busiest(before, app.page_processes())
        if pid is not None:
            return pid
    return None
