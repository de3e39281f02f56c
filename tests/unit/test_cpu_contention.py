"""The CPU probes count what others took, and say None where they cannot tell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Facts
from harness.probes import cpu_contention, run_wait
from harness.transports import cpu_accounts
from harness.transports.cpu_accounts import Account, our_accounts, used_s

TICK = os.sysconf("SC_CLK_TCK")
SPINS = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cpu_accounts, "_PROC", tmp_path)
    monkeypatch.setattr(os, "getpid", lambda: 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "pressure").mkdir()
    return tmp_path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def host(proc: Path, busy_s: float, waited_s: float = 0.0, steal_s: float = 0.0) -> None:
    used, stolen = int(busy_s * TICK), int(steal_s * TICK)
    (proc / "stat").write_text(f"cpu {used} 0 0 999 0 0 0 {stolen} 0 0\ncpu0 1\n")
    total = int(waited_s * 1e6)
    (proc / "pressure" / "cpu").write_text(f"some avg10=0.00 total={total}\nfull total=0\n")


def process(
    proc: Path, pid: int, parent: int, own_s: float, reaped_s: float = 0.0, session: int = 1
) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    own, reaped = str(int(own_s * TICK)), str(int(reaped_s * TICK))
    fields = ["S", str(parent), "0", str(session), *["0"] * 7, own, "0", reaped, "0", *["0"] * 4]
    (proc / str(pid) / "stat").write_text(f"{pid} (odd ) name) {' '.join([*fields, '77', '0'])}\n")


def ended(proc: Path, pid: int) -> None:
    shutil.rmtree(proc / str(pid))


def threads(proc: Path, pid: int, **times: str) -> None:
    for tid, text in times.items():
        folder = proc / str(pid) / "task" / tid.removeprefix("t")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schedstat").write_text(f"{text} 5\n")


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


def test_what_the_hypervisor_took_is_told_apart(proc: Path, clock: list[float]) -> None:
    host(proc, 0)
    process(proc, 10, 1, 0)
    stop = cpu_contention.PLUGIN.start()
    clock[0] += 10
    host(proc, 4, steal_s=3)
    conditions = stop().conditions
    assert (conditions["others_cpu_share"], conditions["steal_cpu_share"]) == (0.2, 0.15)


def browser(proc: Path, *, renderer_s: float) -> None:
    """Ours is 10; 11 drives 20, a browser in a session of its own with a renderer, 21."""
    process(proc, 10, 1, 1)
    process(proc, 11, 10, 1)
    process(proc, 20, 11, 2, session=20)
    process(proc, 21, 20, renderer_s, session=20)


def used_between(proc: Path, change: str) -> float:
    host(proc, 0)
    browser(proc, renderer_s=30)
    before = our_accounts()
    assert before is not None
    if change == "a renderer ends and is waited for":
        ended(proc, 21)
        process(proc, 20, 11, 2, reaped_s=34, session=20)
    elif change == "the browser dies and its renderer goes on":
        ended(proc, 20)
        process(proc, 11, 10, 1, reaped_s=2)
        process(proc, 21, 1, 34, session=20)
    elif change == "a helper leaves its parent, in the browser's session":
        process(proc, 21, 20, 31, session=20)
        process(proc, 22, 1, 3, session=20)
    elif change == "a renderer ends that somebody else waits for":
        ended(proc, 21)
        process(proc, 20, 11, 6, session=20)
    after = our_accounts(before)
    assert after is not None
    return used_s(before, after)


@pytest.mark.parametrize(
    "change",
    [
        "a renderer ends and is waited for",
        "the browser dies and its renderer goes on",
        "a helper leaves its parent, in the browser's session",
        "a renderer ends that somebody else waits for",
    ],
)
def test_processes_of_ours_that_end_or_lose_their_parent_stay_ours(proc: Path, change: str) -> None:
    assert used_between(proc, change) == pytest.approx(4)


accounts = st.dictionaries(
    st.integers(2, 12),
    st.builds(
        Account,
        parent=st.integers(1, 12),
        session=st.integers(1, 12),
        started=st.integers(0, 1),
        own_s=st.floats(0, 100),
        reaped_s=st.floats(0, 100),
    ),
)


@settings(deadline=None)
@given(accounts, accounts)
def test_whatever_ends_between_two_readings_nobody_gives_cpu_time_back(
    before: dict[int, Account], after: dict[int, Account]
) -> None:
    for pid, now in after.items():
        was = before.get(pid)
        if was is not None and was.started == now.started:
            after[pid] = Account(
                now.parent, now.session, now.started, was.own_s + now.own_s, now.reaped_s
            )
    assert used_s(before, after) >= 0


def test_a_thread_waits_when_it_is_ready_and_has_no_cpu(proc: Path) -> None:
    host(proc, 0)
    browser(proc, renderer_s=1)
    threads(proc, 10, t10="9000000000 9000000000")
    threads(proc, 21, t21="1000000000 500000000", t22="3000000000 0")
    stop = run_wait.PLUGIN.start()
    threads(proc, 10, t10="99000000000 99000000000")
    threads(proc, 21, t21="3000000000 1500000000", t22="1000000000 0", t23="0 1000000000")
    # t21 ran 2 s and waited 1 s; t22 is a new thread with an old number; t23 only waited.
    assert stop().conditions == {"run_wait_s": 2.0, "run_wait_share": 0.4}


def all_conditions() -> Facts:
    stops = [plugin.start() for plugin in (cpu_contention.PLUGIN, run_wait.PLUGIN)]
    return {key: value for stop in stops for key, value in stop().conditions.items()}


def test_a_platform_without_proc_gives_none_never_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_accounts, "_PROC", tmp_path / "nope")
    conditions = all_conditions()
    for name in (
        "others_cpu_share",
        "steal_cpu_share",
        "cpu_pressure",
        "run_wait_s",
        "run_wait_share",
    ):
        assert conditions[name] is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux has these files")
def test_on_this_machine_a_child_that_spins_is_ours_even_when_it_has_ended() -> None:
    before = our_accounts()
    assert before is not None
    subprocess.run([sys.executable, "-c", SPINS.format(0.3)], check=True, start_new_session=True)
    after = our_accounts(before)
    assert after is not None
    assert used_s(before, after) >= 0.29
    share = all_conditions()["others_cpu_share"]
    assert isinstance(share, float)
    assert 0 <= share <= 1
