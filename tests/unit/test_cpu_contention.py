"""The contention probe counts what others took, and says None where it cannot tell."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.probes import cpu_contention

TICK = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cpu_contention, "_PROC", tmp_path)
    monkeypatch.setattr(os, "getpid", lambda: 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "pressure").mkdir()
    return tmp_path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def host(proc: Path, busy_s: float, waited_s: float = 0.0) -> None:
    (proc / "stat").write_text(f"cpu {int(busy_s * TICK)} 0 0 999 0 0 0 0 0 0\ncpu0 1\n")
    total = int(waited_s * 1e6)
    (proc / "pressure" / "cpu").write_text(f"some avg10=0.00 total={total}\nfull total=0\n")


def process(proc: Path, pid: int, parent: int, own_s: float, reaped_s: float = 0.0) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    fields = ["S", str(parent), *["0"] * 9, str(int(own_s * TICK)), "0", str(int(reaped_s * TICK))]
    (proc / str(pid) / "stat").write_text(f"{pid} (odd ) name) {' '.join([*fields, '0', '20'])}\n")


def test_our_own_tree_does_not_count_as_others(proc: Path, clock: list[float]) -> None:
    host(proc, 50)
    process(proc, 10, 1, 5)
    process(proc, 11, 10, 1)
    process(proc, 99, 1, 7)
    stop = cpu_contention.PLUGIN.start()
    clock[0] += 10
    host(proc, 50 + 12, waited_s=2.5)
    process(proc, 10, 1, 6)
    process(proc, 11, 10, 3)
    process(proc, 12, 11, 4)
    process(proc, 99, 1, 12)
    conditions = stop().conditions
    # Busy 12 s, ours 1 + 2 + 4 = 7 s, so others took 5 of 2 × 10 s.
    assert conditions["others_cpu_share"] == 0.25
    assert conditions["cpu_pressure"] == 0.25
    assert conditions["window_s"] == 10


def test_a_child_that_ended_still_counts_as_ours(proc: Path, clock: list[float]) -> None:
    host(proc, 0)
    process(proc, 10, 1, 0)
    stop = cpu_contention.PLUGIN.start()
    clock[0] += 10
    host(proc, 8)
    process(proc, 10, 1, 1, reaped_s=7)
    assert stop().conditions["others_cpu_share"] == 0


def test_a_platform_without_proc_gives_none_never_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_contention, "_PROC", tmp_path / "nope")
    conditions = cpu_contention.PLUGIN.start()().conditions
    assert conditions["others_cpu_share"] is None
    assert conditions["cpu_pressure"] is None


def test_on_this_machine_it_gives_a_share() -> None:
    share = cpu_contention.PLUGIN.start()().conditions["others_cpu_share"]
    if Path("/proc/stat").exists():
        assert isinstance(share, float)
        assert 0 <= share <= 1
