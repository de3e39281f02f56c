"""The door to psutil: which processes stand below another, and how they are ended for certain."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

_PATIENCE_S = 5.0
_POLL_S = 0.02
_CLOCK_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True, order=True)
class ProcessId:
    """A process that is told apart from a later one with the same number by its start time."""

    pid: int
    started: float


def children_of(pid: int, *, naming: str = "") -> frozenset[ProcessId]:
    """Return the direct children of a process, those only whose command line has `naming`."""
    try:
        children = psutil.Process(pid).children()
    except psutil.Error:
        return frozenset()
    return frozenset(
        ProcessId(child.pid, child.create_time())
        for child in children
        if naming in " ".join(command_of(child.pid))
    )


def command_of(pid: int) -> tuple[str, ...]:
    """Return the command line of a process, () if it is gone or not ours to see."""
    try:
        return tuple(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ()


def is_alive(process: ProcessId) -> bool:
    """Tell whether a process runs; one that ended and was not waited for does not."""
    try:
        seen = psutil.Process(process.pid)
        return seen.create_time() == process.started and seen.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def process_with(pid: int) -> ProcessId:
    """Return a child of ours, which was not waited for yet: its number is still its own."""
    return ProcessId(pid, psutil.Process(pid).create_time())


def descendants_of(root: ProcessId, *, naming: str = "") -> frozenset[ProcessId]:
    """Return all processes below a root, those only whose command line has `naming`."""
    try:
        below = _below(root)
    except psutil.Error:
        return frozenset()
    return frozenset(
        process
        for process in below
        if process != root and naming in " ".join(command_of(process.pid))
    )


def this_process() -> ProcessId:
    """Return the process that this code runs in."""
    return ProcessId(os.getpid(), psutil.Process().create_time())


def still_runs(told: ProcessId) -> bool:
    """Tell whether a process that another one told of runs: start times may differ by a second.

    What a process reads as its own start follows the host's clock, which may be set meanwhile.
    """
    try:
        seen = psutil.Process(told.pid)
        same = abs(seen.create_time() - told.started) <= _CLOCK_TOLERANCE_S
        return same and seen.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def family_of(roots: Iterable[ProcessId]) -> frozenset[ProcessId]:
    """Return the living processes that are these roots, stand below them, or are in their group.

    The group counts only where a root leads it; it finds children whose parent has ended.
    """
    found: set[ProcessId] = set()
    for root in roots:
        with suppress(psutil.Error):
            found.update(_below(root))
        found.update(_group_led_by(root))
    return frozenset(process for process in found if is_alive(process))


def end_family(roots: Iterable[ProcessId], *, patience_s: float = _PATIENCE_S) -> bool:
    """Kill these processes with everything of theirs, and tell whether all have ended."""
    roots = tuple(roots)
    deadline = time.monotonic() + patience_s
    while living := family_of(roots):
        for process in living:
            # A process that ended meanwhile needs no signal.
            with suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def wait_for_family(roots: Iterable[ProcessId], *, patience_s: float = _PATIENCE_S) -> bool:
    """Wait until these processes and everything of theirs have ended by themselves."""
    roots = tuple(roots)
    deadline = time.monotonic() + patience_s
    while family_of(roots):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _below(root: ProcessId) -> set[ProcessId]:
    process = psutil.Process(root.pid)
    if process.create_time() != root.started:
        return set()
    below = process.children(recursive=True)
    return {root, *(ProcessId(child.pid, child.create_time()) for child in below)}


def _group_led_by(root: ProcessId) -> set[ProcessId]:
    # A group outlives its leader, and no new process gets a number that a group still has: so a
    # number that is taken by another process now says that the group is gone.
    group: set[ProcessId] = set()
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(pid) == root.pid:
                group.add(ProcessId(pid, psutil.Process(pid).create_time()))
    reused = any(member.pid == root.pid and member.started != root.started for member in group)
    return set() if reused else group
