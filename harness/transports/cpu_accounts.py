"""Who used this host's CPU, from `/proc`: all of it, and the part of our own processes.

Formats: proc(5) of Linux: `/proc/stat`, `/proc/PID/stat`, `/proc/PID/task/TID/schedstat` and
`/proc/pressure/cpu`. Everything is None where there is no `/proc`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class HostCpu:
    """CPU seconds of all cores since the start of the system.

    `busy` is what programs and the kernel used, `steal` what the hypervisor gave to others.
    """

    busy_s: float
    steal_s: float


@dataclass(frozen=True, slots=True)
class Account:
    """One process: its own CPU seconds, and those of its children that ended and were waited for.

    `started` tells it apart from a later process with the same number.
    """

    parent: int
    session: int
    started: int
    own_s: float
    reaped_s: float


Accounts: TypeAlias = Mapping[int, Account]
"""pid → account."""

Thread: TypeAlias = tuple[int, int]
"""A thread: (pid, tid)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds in which a thread ran, and in which it was ready and waited for a CPU."""

    ran_s: float
    waited_s: float


def host_cpu() -> HostCpu | None:
    """Read what all of the host used."""
    try:
        fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _iowait, irq, softirq, steal = (int(f) for f in fields[:8])
    except (OSError, ValueError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return HostCpu((user + nice + system + irq + softirq) / tick, steal / tick)


def pressure_s() -> float | None:
    """Read for how many seconds, since the start of the system, some task waited for a CPU."""
    try:
        line = (_PROC / "pressure" / "cpu").read_text().split("\n", 1)[0]
        return int(line.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None


def our_accounts(before: Accounts | None = None) -> Accounts | None:
    """Read the accounts of this process and everything of ours.

    Ours is what stands below this process; what stood there `before`, wherever it is now; and
    all sessions that one of those leads: browsers are started in sessions of their own, and
    their helpers outlive their parents there.
    """
    if not (_PROC / "stat").exists():
        return None
    everyone = _everyone()
    before = before or {}
    alive = {pid for pid, was in before.items() if _same(everyone.get(pid), was)}
    found = _below({os.getpid(), *alive}, everyone)
    # A session's number is that of the process that began it, also when that one has ended.
    leaders = found | {pid for pid in before if pid not in everyone}
    found |= {pid for pid, account in everyone.items() if account.session in leaders}
    return {pid: everyone[pid] for pid in _below(found, everyone)}


def used_s(before: Accounts, after: Accounts) -> float:
    """Return the CPU seconds that our processes used between two readings.

    A process that ended in between is in what the nearest surviving process above it has reaped,
    with its whole life: what it had used before is taken off there. One that somebody else
    waited for is lost, and can only make this smaller.
    """
    total = 0.0
    gone: dict[int, float] = {}
    for pid, was in before.items():
        if not _same(after.get(pid), was):
            heir = _heir(pid, before, after)
            gone[heir] = gone.get(heir, 0.0) + was.own_s + was.reaped_s
    for pid, now in after.items():
        known = before.get(pid)
        if known is None or not _same(now, known):
            total += now.own_s + now.reaped_s
            continue
        total += now.own_s - known.own_s
        total += max(0.0, now.reaped_s - known.reaped_s - gone.get(pid, 0.0))
    return total


def thread_times(pids: Iterable[int]) -> Mapping[Thread, Waiting]:
    """Read the run and wait times of every thread of these processes; {} where not told."""
    return dict(_thread_times(pids))


def _thread_times(pids: Iterable[int]) -> Iterator[tuple[Thread, Waiting]]:
    for pid in pids:
        # A process or thread may end while it is read.
        with suppress(OSError):
            for task in os.scandir(_PROC / str(pid) / "task"):
                with suppress(OSError, ValueError):
                    ran, waited = Path(task.path, "schedstat").read_text().split()[:2]
                    yield (pid, int(task.name)), Waiting(int(ran) / 1e9, int(waited) / 1e9)


def _everyone() -> dict[int, Account]:
    tick = os.sysconf("SC_CLK_TCK")
    accounts: dict[int, Account] = {}
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                # The command's name may hold spaces and brackets; the last ')' ends it.
                told = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                accounts[int(entry.name)] = Account(
                    parent=int(told[1]),
                    session=int(told[3]),
                    started=int(told[19]),
                    own_s=(int(told[11]) + int(told[12])) / tick,
                    reaped_s=(int(told[13]) + int(told[14])) / tick,
                )
    return accounts


def _below(roots: Iterable[int], everyone: Accounts) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, account in everyone.items():
        children.setdefault(account.parent, []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in everyone and pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def _same(now: Account | None, was: Account) -> bool:
    return now is not None and now.started == was.started


def _heir(pid: int, before: Accounts, after: Accounts) -> int:
    """Return the nearest process above that is still there, 0 if there is none."""
    # Numbers are given again, so what is read while processes end may name a circle of parents.
    for _ in before:
        pid = before[pid].parent if pid in before else 0
        if pid in before and _same(after.get(pid), before[pid]):
            return pid
    return 0
