"""How much of this host's CPU others took while a run was measured.

From `/proc/stat` (all of the host), and the CPU time of the harness's own process tree,
children that ended included; CPU pressure is the share of time in which some task waited
(`/proc/pressure/cpu`, `total` in microseconds).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from harness.model import Facts
from harness.plugins import API_VERSION, Probed

_PROC = Path("/proc")


class CpuContention:
    """Watches the CPU of this host; what the platform does not tell is None."""

    name = "cpu_contention"
    api_version = API_VERSION

    def start(self) -> Callable[[], Probed]:
        """Begin to watch."""
        begun, busy, own, pressure = time.monotonic(), _busy_s(), _own_s(), _pressure_s()

        def stop() -> Probed:
            elapsed_s = time.monotonic() - begun
            return Probed(
                _shares(
                    elapsed_s,
                    _difference(_busy_s(), busy),
                    _difference(_own_s(), own),
                    _difference(_pressure_s(), pressure),
                )
            )

        return stop


def _shares(
    elapsed_s: float, busy_s: float | None, own_s: float | None, pressure_s: float | None
) -> Facts:
    capacity_s = elapsed_s * (os.cpu_count() or 1)
    others = None
    if busy_s is not None and own_s is not None and capacity_s > 0:
        others = round(min(1.0, max(0.0, (busy_s - own_s) / capacity_s)), 4)
    return {
        "others_cpu_share": others,
        "cpu_pressure": None
        if pressure_s is None or elapsed_s <= 0
        else round(min(1.0, pressure_s / elapsed_s), 4),
        "load1": round(os.getloadavg()[0], 2),
        "window_s": round(elapsed_s, 3),
    }


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _busy_s() -> float | None:
    try:
        fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(f) for f in fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float | None:
    """Sum the CPU time of this process and everything below it, reaped children included."""
    if not (_PROC / "stat").exists():
        return None
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            try:
                # The command's name may hold spaces and brackets; the last ')' ends it.
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = sum(int(f) for f in fields[11:15])
    return sum(ticks[pid] for pid in _tree(os.getpid(), parents)) / os.sysconf("SC_CLK_TCK")


def _tree(root: int, parents: dict[int, int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        if pid in parents and pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def _pressure_s() -> float | None:
    try:
        line = (_PROC / "pressure" / "cpu").read_text().split("\n", 1)[0]
        return int(line.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None


PLUGIN = CpuContention()
