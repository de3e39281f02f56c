"""By how much the process of a page on this host has grown since nothing was loaded into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from harness.errors import TargetUnfit
from harness.transports.browsing import OpenPage
from harness.transports.process_memory import (
    ProcessMemory,
    busiest,
    main_thread_cpu_ns,
    read_memory,
)

# Enough work to tell one process from its idle siblings, whatever else the host does; a fixed
# time instead of fixed work picks the wrong one under load.
_BURN_TURNS = 40_000_000
# A spare process may itself be busy in its first seconds; a try takes a quarter of one.
_BURN_TRIES = 20


class RendererBaseline:
    """The memory of a page's process, read after garbage collection when this is made.

    `renderers` tells the pids of the processes of which one is the page's; `gc` says how the
    page collects its garbage, which is part of the method.
    """

    def __init__(self, renderers: Callable[[], Iterable[int]], page: OpenPage, *, gc: str) -> None:
        self._page = page
        self._gc = gc
        self._absent = ""
        self._before: ProcessMemory | None = None
        self._pid = _find_renderer(renderers, page)
        if self._pid is None:
            self._absent = "the page's process cannot be told apart from its siblings"
        else:
            self._before = self._read(self._pid)

    def growth(self) -> dict[str, Any]:
        """Return the growth after another garbage collection, as run.json keeps it."""
        if self._pid is None or self._before is None:
            return {"absent": self._absent}
        after = self._read(self._pid)
        if after is None:
            return {"absent": self._absent}
        return {
            "pid": self._pid,
            "gc": self._gc,
            "baseline": asdict(self._before),
            "after": asdict(after),
            "uss_delta_bytes": after.uss_bytes - self._before.uss_bytes,
            "pss_delta_bytes": after.pss_bytes - self._before.pss_bytes,
        }

    def _read(self, pid: int) -> ProcessMemory | None:
        try:
            self._page.collect_garbage()
            return read_memory(pid)
        except TargetUnfit as error:
            self._absent = str(error)
            return None


def _find_renderer(renderers: Callable[[], Iterable[int]], page: OpenPage) -> int | None:
    """Tell a page's process from the spare ones by having it work."""
    for _ in range(_BURN_TRIES):
        before = {pid: main_thread_cpu_ns(pid) for pid in renderers()}
        page.evaluate("turns => edgebench.burn(turns)", _BURN_TURNS)
        pid = busiest(before, {pid: main_thread_cpu_ns(pid) for pid in before})
        if pid is not None:
            return pid
    return None
