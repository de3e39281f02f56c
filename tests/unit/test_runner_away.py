"""A target that goes away is waited for, comes back, or is left alone; others never wait."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TypeVar

import pytest
from runner_parts import Played, ReturningSession, ScriptedDriver, ScriptedSession, a_target, value

from harness.errors import HarnessError, RunFailed, RunTimedOut, TargetLost, TargetUnfit
from harness.model import Capture, Failed, Measured, Skipped
from harness.retries import RetryPolicy
from harness.runner import lane
from harness.runner.events import BlockAdded, Event, TargetAway, TargetBack, TargetUnavailable
from harness.runner.expectation import Expectation

Kind = TypeVar("Kind")
QUICK = RetryPolicy(waits_s=(0.0, 0.0, 0.0), losses_in_a_row=3, added_blocks=3)
GONE = TargetLost("the cable is out", hint="put it in")


@pytest.fixture(autouse=True)
def _no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lane, "expect", lambda *_, **__: Expectation((), "0" * 64, "", None, 1e-4, "no reference")
    )


class Failing:
    """Fails in the given calls (from 1), and gives a value in the others."""

    def __init__(self, *calls: int, error: HarnessError = GONE) -> None:
        self.calls, self.error, self.count = calls, error, 0

    def __call__(self, _: ScriptedSession) -> Capture:
        self.count += 1
        if self.count in self.calls:
            raise self.error
        return Capture({"value": b"1"})


def back(_: ReturningSession) -> str:
    return ""


def away(_: ReturningSession) -> str:
    raise TargetUnfit("the device is not ready: offline", hint="reconnect it", kind="offline")


def shape(played: Played, variant: str) -> list[tuple[int, str]]:
    return [
        (run.block, type(run.outcome).__name__)
        for run in played.folder.runs
        if run.cell.variant == variant
    ]


def of_type(played: Played, kind: type[Kind]) -> list[Kind]:
    return [event for event in played.events if isinstance(event, kind)]


def test_one_that_comes_back_goes_on_and_a_whole_block_is_added(tmp_path: Path) -> None:
    target = a_target({"a": Failing(1), "b": value(1)})
    played = Played(tmp_path, target, driver=ScriptedDriver(recover=back), policy=QUICK)
    assert shape(played, "a") == [(1, "Failed"), (2, "Measured"), (3, "Measured")]
    assert shape(played, "b") == [(1, "Measured"), (2, "Measured"), (3, "Measured")]
    (lost,) = [o for o in played.outcomes("a") if isinstance(o, Failed)]
    assert (lost.failure.kind, lost.failure.hint) == ("target-lost", "put it in")
    assert [e.runs for e in of_type(played, BlockAdded)] == [2]
    assert len(of_type(played, TargetAway)) == len(of_type(played, TargetBack)) == 1


def test_what_is_known_to_have_happened_meanwhile_is_the_class_of_the_failure(
    tmp_path: Path,
) -> None:
    driver = ScriptedDriver(recover=lambda _: "rebooted")
    played = Played(tmp_path, a_target({"a": Failing(1)}), driver=driver, policy=QUICK)
    (lost,) = [o for o in played.outcomes("a") if isinstance(o, Failed)]
    assert lost.failure.kind == "rebooted"


def test_one_that_does_not_come_back_is_given_up_after_a_bounded_wait(tmp_path: Path) -> None:
    driver = ScriptedDriver(recover=away)
    played = Played(tmp_path, a_target({"a": Failing(1)}), driver=driver, policy=QUICK)
    assert shape(played, "a") == [(1, "Failed"), (2, "Skipped"), (3, "Skipped")]
    assert played.kinds("a") == ["target-lost", "offline", "offline"]
    assert driver.recoveries == len(QUICK.waits_s) + 1
    assert driver.closed == 1
    assert len(driver.executed) == 1


def test_one_that_is_lost_again_and_again_is_put_into_quarantine(tmp_path: Path) -> None:
    flapping = a_target({"a": Failing(*range(1, 99))}, "phone")
    driver = ScriptedDriver(recover=back)
    played = Played(tmp_path, flapping, a_target({"ok": value(1)}), driver=driver, policy=QUICK)
    assert [o.failure.kind for o in played.outcomes("a")] == [
        *["target-lost"] * 3,
        *["quarantined"] * 2,
    ]
    quarantined = played.outcomes("a")[-1]
    assert isinstance(quarantined, Skipped)
    assert not quarantined.expected
    assert "the cable is out" in quarantined.failure.message
    assert quarantined.failure.hint
    assert all(isinstance(o, Measured) for o in played.outcomes("ok"))
    (out,) = of_type(played, TargetUnavailable)
    assert out.error.kind == "quarantined"


def test_a_run_that_ends_by_itself_ends_the_row_of_losses(tmp_path: Path) -> None:
    flapping = a_target({"a": Failing(1, 2, 4, 5)})
    driver = ScriptedDriver(recover=back)
    played = Played(tmp_path, flapping, driver=driver, policy=QUICK)
    assert shape(played, "a") == [
        (1, "Failed"),
        (2, "Failed"),
        (3, "Measured"),
        (4, "Failed"),
        (5, "Failed"),
    ]
    assert len(of_type(played, TargetBack)) == 4


@pytest.mark.parametrize(
    ("error", "recovered", "blocks"),
    [
        (TargetUnfit("no", hint="-", kind="push-failed"), 0, 3),
        (TargetUnfit("no", hint="-", kind="no-space"), 0, 2),
        (RunFailed("no", hint="-", kind="crashed"), 0, 2),
        (RunTimedOut("no", hint="-"), 0, 2),
        (RunTimedOut("no", hint="-", kind="adb-timed-out"), 1, 3),
        (TargetUnfit("no", hint="-", kind="unauthorized"), 1, 3),
    ],
)
def test_what_is_done_follows_from_the_class_of_the_failure(
    tmp_path: Path, error: HarnessError, recovered: int, blocks: int
) -> None:
    driver = ScriptedDriver(recover=back)
    played = Played(tmp_path, a_target({"a": Failing(1, error=error)}), driver=driver, policy=QUICK)
    assert driver.recoveries == recovered
    assert [block for block, _ in shape(played, "a")] == list(range(1, blocks + 1))
    assert isinstance(played.outcomes("a")[0], Failed)


def test_blocks_are_added_after_a_resume_as_well(tmp_path: Path) -> None:
    def stop_at_the_loss(event: Event) -> None:
        if isinstance(event, BlockAdded):
            raise KeyboardInterrupt

    def wait(session: ScriptedSession) -> Capture:
        if len(session.driver.executed) == 1:
            raise GONE
        session.released.wait(20)
        raise RunFailed("killed", hint="-")

    driver = ScriptedDriver(recover=back)
    first = Played(
        tmp_path, a_target({"a": wait}), driver=driver, watch=stop_at_the_loss, policy=QUICK
    )
    assert not first.finished
    assert shape(first, "a") == [(1, "Failed")]
    second = Played(tmp_path, a_target({"a": value(1)}), resume=True, policy=QUICK)
    assert shape(second, "a") == [(1, "Failed"), (2, "Measured"), (3, "Measured")]


def test_ctrl_c_during_a_wait_ends_it_at_once(tmp_path: Path) -> None:
    def stop_at_the_loss(event: Event) -> None:
        if isinstance(event, TargetAway):
            raise KeyboardInterrupt

    # Were the wait not ended, this test would last an hour.
    patient = RetryPolicy(waits_s=(3600.0,))
    driver = ScriptedDriver(recover=away)
    played = Played(
        tmp_path, a_target({"a": Failing(1)}), driver=driver, watch=stop_at_the_loss, policy=patient
    )
    assert not played.finished
    assert played.folder.runs == ()
    assert driver.closed == 1


def test_a_bench_in_trouble_never_delays_another(tmp_path: Path) -> None:
    """The second lane makes all its runs while the first is still waiting."""
    others_done = threading.Event()
    spans: dict[str, list[tuple[float, float]]] = {"away": [], "ok": []}

    def recover(_: ReturningSession) -> str:
        begun = time.monotonic()
        assert others_done.wait(20)
        spans["away"].append((begun, time.monotonic()))
        return ""

    def measure(session: ScriptedSession) -> Capture:
        begun = time.monotonic()
        spans["ok"].append((begun, time.monotonic()))
        if len(spans["ok"]) == 2:
            others_done.set()
        return Capture({"value": b"1"})

    played = Played(
        tmp_path,
        a_target({"a": Failing(1)}, "one", bench="phone:1"),
        a_target({"b": measure}, "two", bench="phone:2"),
        driver=ScriptedDriver(recover=recover),
        policy=QUICK,
    )
    assert len(spans["ok"]) == 2
    assert spans["ok"][-1][1] <= spans["away"][0][1]
    assert shape(played, "a") == [(1, "Failed"), (2, "Measured"), (3, "Measured")]


def test_a_target_that_is_just_coming_up_is_waited_for(tmp_path: Path) -> None:
    offline = TargetUnfit("offline", hint="-", kind="offline")
    driver = ScriptedDriver(opening=[offline, GONE])
    played = Played(tmp_path, a_target({"a": value(1)}), driver=driver, policy=QUICK)
    assert shape(played, "a") == [(1, "Measured"), (2, "Measured")]


@pytest.mark.parametrize("kind", ["unauthorized", "no-permissions", "recovery", "target-not-found"])
def test_one_that_needs_a_hand_is_not_waited_for_when_it_is_opened(
    tmp_path: Path, kind: str
) -> None:
    error = TargetUnfit("not so", hint="do this", kind=kind)
    patient = RetryPolicy(waits_s=(3600.0,))
    driver = ScriptedDriver(opening=[error])
    played = Played(tmp_path, a_target({"a": value(1)}), driver=driver, policy=patient)
    assert played.kinds("a") == [kind, kind]
    assert all(o.failure.hint == "do this" for o in played.outcomes("a"))
