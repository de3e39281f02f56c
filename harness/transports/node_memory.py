"""The memory of a Node process: its growth over a baseline, and the peak that the kernel keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.errors import TargetUnfit
from harness.transports.browsing import OpenPage
from harness.transports.process_memory import peak_rss_bytes, read_memory, reset_peak


class NodeBaseline:
    """The memory of a process, read after garbage collection when this is made."""

    def __init__(self, page: OpenPage, pid: int) -> None:
        self._page = page
        self._pid = pid
        page.collect_garbage()
        self._absent = ""
        try:
            self._before = read_memory(pid)
            reset_peak(pid)
        except TargetUnfit as error:
            self._absent = str(error)

    def growth(self) -> Mapping[str, Any]:
        """Return peak and growth as `run.json` keeps them; the peak is since the baseline."""
        if self._absent:
            return {"absent": self._absent}
        peak = peak_rss_bytes(self._pid)
        self._page.collect_garbage()
        after = read_memory(self._pid)
        return {
            "pid": self._pid,
            "baseline": asdict(self._before),
            "after": asdict(after),
            "uss_delta_bytes": after.uss_bytes - self._before.uss_bytes,
            "pss_delta_bytes": after.pss_bytes - self._before.pss_bytes,
            "vm_hwm_bytes": peak,
        }
