"""Ending a process together with everything it started, whatever that made of itself.

On Linux orphans come back to the supervisor instead of to init (`PR_SET_CHILD_SUBREAPER`), so
even a program that went into a session of its own is found. Elsewhere only what is still
below the supervisor is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


def adopt_orphans() -> None:
    """Become the parent of every orphan among this process's descendants (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def reap() -> set[int]:
    """Collect every child that has ended, without waiting; return their process ids."""
    ended = set()
    with suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended.add(pid)
    return ended


def kill_descendants(within_s: float) -> None:
    """Kill everything below this process, again and again until nothing is left."""
    end = time.monotonic() + within_s
    while (below := descendants(os.getpid())) and time.monotonic() < end:
        for pid in below:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reap()
        time.sleep(0.005)


def kill_beside(spared: set[int]) -> None:
    """Kill everything that runs below this process's parent, but for these processes."""
    for pid in descendants(os.getppid()):
        if pid not in spared:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Return the ids of every process below `root`, ended ones that nobody reaped included."""
    children = defaultdict(list)
    for pid, parent in _parents():
        children[parent].append(pid)
    found = []
    waiting = [root]
    while waiting:
        for pid in children[waiting.pop()]:
            found.append(pid)
            waiting.append(pid)
    return found


def _parents() -> list[tuple[int, int]]:
    if (_PROC / "self" / "stat").exists():
        return [pair for folder in _PROC.iterdir() if (pair := _parent_of(folder))]
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid="], capture_output=True, check=False, text=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [(int(row[0]), int(row[1])) for row in rows if len(row) == 2]


def _parent_of(folder: Path) -> tuple[int, int] | None:
    if not folder.name.isdecimal():
        return None
    try:
        text = (folder / "stat").read_text(errors="replace")
    except OSError:
        return None  # it ended while we looked
    # The program's name stands in brackets and may hold anything, brackets too.
    return int(folder.name), int(text.rpartition(")")[2].split()[1])
