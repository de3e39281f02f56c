"""Processes and their memory: families are ended for certain, and only they."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import TargetUnfit
from harness.transports import process_memory, processes
from harness.transports.process_memory import busiest, parse_smaps_rollup
from harness.transports.processes import ProcessId, children_of, end_family, family_of, is_alive

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
# A leader whose child stays when it goes, as a browser's children do for a moment.
FAMILY = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', "
    f"{SLEEPER!r}]); time.sleep(600)"
)
ROLLUP = """\
55d0c0000000-7ffd0e9f2000 ---p 00000000 00:00 0                          [rollup]
Rss:                9000 kB
Pss:                1234 kB
Shared_Clean:       7000 kB
Private_Clean:       100 kB
Private_Dirty:      1000 kB
Private_Hugetlb:       2 kB
"""


@pytest.fixture
def leader() -> Iterator[ProcessId]:
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    (found,) = (child for child in children_of(os.getpid()) if child.pid == process.pid)
    yield found
    end_family([found])
    process.stdout.close()
    process.wait()


def test_a_family_is_ended_whole(leader: ProcessId) -> None:
    family = family_of([leader])
    assert len(family) == 2
    assert end_family([leader])
    assert not any(is_alive(member) for member in family)


def test_children_are_ended_though_their_parent_is_gone(leader: ProcessId) -> None:
    (child,) = family_of([leader]) - {leader}
    os.kill(leader.pid, 9)
    while is_alive(leader):
        time.sleep(0.01)
    assert family_of([leader]) == {child}
    assert end_family([leader])
    assert not is_alive(child)


def test_a_later_process_of_the_same_number_is_left_alone(leader: ProcessId) -> None:
    earlier = replace(leader, started=leader.started - 100)
    assert family_of([earlier]) == frozenset()
    assert end_family([earlier])
    assert is_alive(leader)


def test_children_are_told_by_what_they_are_called(leader: ProcessId) -> None:
    assert leader in children_of(os.getpid(), naming="subprocess.Popen")
    assert children_of(os.getpid(), naming="no such word") == frozenset()
    assert children_of(2**22 + 1) == frozenset()


def test_waiting_gives_up_when_nothing_ends(leader: ProcessId) -> None:
    assert not processes.wait_for_family([leader], patience_s=0.05)
    assert is_alive(leader)


def test_uss_is_what_is_private_and_pss_is_told() -> None:
    memory = parse_smaps_rollup(ROLLUP)
    assert (memory.uss_bytes, memory.pss_bytes) == (1102 * 1024, 1234 * 1024)


@pytest.mark.parametrize("line", ["Pss:", "Private_Clean:", "Private_Dirty:"])
def test_a_rollup_without_its_sizes_is_refused(line: str) -> None:
    left = "\n".join(one for one in ROLLUP.splitlines() if not one.startswith(line))
    with pytest.raises(TargetUnfit):
        parse_smaps_rollup(left)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux' /proc")
def test_memory_that_is_taken_is_seen() -> None:
    before = process_memory.read_memory(os.getpid())
    # Of its own, since the allocator may give memory again that it already has.
    taken = mmap.mmap(-1, 32 << 20)
    taken.write(os.urandom(1 << 20) * 32)
    after = process_memory.read_memory(os.getpid())
    assert after.uss_bytes - before.uss_bytes > len(taken) // 2
    assert (process_memory.main_thread_cpu_ns(os.getpid()) or 0) > 0


def test_a_process_that_is_gone_has_no_memory_and_no_time() -> None:
    with pytest.raises(TargetUnfit):
        process_memory.read_memory(2**22 + 1)
    assert process_memory.main_thread_cpu_ns(2**22 + 1) is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({1: 300, 2: 100}, 1),
        ({1: 299, 2: 100}, None),
        ({1: 10, 2: 0}, 1),
        ({1: 0, 2: 0}, None),
        ({1: 5}, 1),
        ({1: None, 2: 5}, 2),
        ({}, None),
        ({3: 900, 1: 30}, 1),
    ],
)
def test_the_busy_process_is_named_only_if_it_stands_out(
    after: dict[int, int | None], expected: int | None
) -> None:
    assert busiest({1: 0, 2: 0}, after) == expected
