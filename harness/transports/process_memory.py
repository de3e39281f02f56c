"""Memory and CPU time of one process, from Linux' `/proc`; the formats are proc_pid_smaps(5)
and Documentation/scheduler/sched-stats.rst of the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TargetUnfit

_PROC = Path("/proc")
_DISTINCT = 3.0
_UNIQUE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Memory of a process in bytes: private to it, and its proportional share of the rest."""

    uss_bytes: int
    pss_bytes: int


def read_memory(pid: int) -> ProcessMemory:
    """Return USS and PSS of a process.

    Raises:
        TargetUnfit: this platform, or the process's sandbox, does not tell.
    """
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError as error:
        raise TargetUnfit(
            f"/proc/PID/smaps_rollup cannot be read: {error.strerror}",
            hint="USS and PSS need Linux 4.14 or later, and a process that may be inspected",
        ) from error
    return parse_smaps_rollup(text)


def reset_peak(pid: int) -> None:
    """Have the kernel count the highest resident set of a process anew; proc_pid_clear_refs(5).

    Raises:
        TargetUnfit: this platform, or the process's sandbox, does not let us.
    """
    try:
        (_PROC / str(pid) / "clear_refs").write_text("5")
    except OSError as error:
        raise TargetUnfit(
            f"/proc/PID/clear_refs cannot be written: {error.strerror}",
            hint="the peak since a moment needs Linux 4.0 or later, and a process of ours",
        ) from error


def peak_rss_bytes(pid: int) -> int | None:
    """Return the highest resident set of a process, VmHWM of proc_pid_status(5), if it is told."""
    try:
        text = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def parse_smaps_rollup(text: str) -> ProcessMemory:
    """Read the text of `/proc/PID/smaps_rollup`; its unit `kB` is 1024 bytes.

    Raises:
        TargetUnfit: it has no PSS or no private sizes.
    """
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        if unit == "kB" and number.isascii() and number.isdigit():
            sizes[name] = int(number) * 1024
    # Private_Hugetlb came later than the other two (Linux 4.4) and may be absent.
    if not {"Pss", "Private_Clean", "Private_Dirty"} <= sizes.keys():
        raise TargetUnfit(
            "/proc/PID/smaps_rollup has no Pss or no private sizes",
            hint="USS and PSS need Linux 4.14 or later",
        )
    return ProcessMemory(sum(sizes.get(name, 0) for name in _UNIQUE), sizes["Pss"])


def main_thread_cpu_ns(pid: int) -> int | None:
    """Return the CPU time of a process's main thread in nanoseconds, None if it is not told."""
    try:
        return int((_PROC / str(pid) / "schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def busiest(before: Mapping[int, int | None], after: Mapping[int, int | None]) -> int | None:
    """Return the pid whose CPU time grew at least three times as much as any other's."""
    grown = sorted(
        (
            (now - then, pid)
            for pid, now in after.items()
            if now is not None and (then := before.get(pid)) is not None
        ),
        reverse=True,
    )
    if not grown or grown[0][0] <= 0:
        return None
    if len(grown) > 1 and grown[0][0] < _DISTINCT * grown[1][0]:
        return None
    return grown[0][1]
