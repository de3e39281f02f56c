"""The runner: every planned run ends as a stored outcome, whatever a driver does."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runner_parts import Played, ScriptedDriver, ScriptedSession, a_target, measured, raising, value

from harness import store
from harness.errors import RunFailed, StoreError, TargetLost
from harness.model import (
    Capture,
    Failed,
    Failure,
    Measured,
    Measurement,
    Proof,
    Reading,
    Skipped,
)
from harness.options import Sampling
from harness.plugins import KeptBuild
from harness.report.summary import summarise
from harness.runner import lane
from harness.runner.events import Event, RunFinished, SessionFinished, TargetUnavailable
from harness.runner.expectation import Expectation


@pytest.fixture(autouse=True)
def _no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lane, "expect", lambda *_, **__: Expectation((), "0" * 64, "", None, 1e-4, "no reference")
    )


def test_every_planned_run_is_stored_with_its_place_in_the_order(tmp_path: Path) -> None:
    played = Played(tmp_path, a_target({"a": value(1), "b": value(2)}))
    assert played.finished
    assert [run.order for run in played.folder.runs] == [1, 2, 3, 4]
    assert [o.measurements[0].value for o in played.outcomes("b")] == [2.0, 2.0]
    assert {run.conditions["output_check"] for run in played.folder.runs} == {
        "not checked: this driver gives no outputs"
    }
    assert all("others_cpu_share" in run.conditions for run in played.folder.runs)


def test_a_failed_run_is_stored_and_the_others_go_on(tmp_path: Path) -> None:
    error = RunFailed("it fell over", hint="look at it", kind="crashed")
    played = Played(tmp_path, a_target({"bad": raising(error), "good": value(1)}))
    assert played.kinds("bad") == ["crashed", "crashed"]
    assert all(isinstance(o, Measured) for o in played.outcomes("good"))


def test_a_bug_in_a_driver_costs_one_run_and_leaves_its_traceback(tmp_path: Path) -> None:
    played = Played(tmp_path, a_target({"bad": raising(ZeroDivisionError("oops")), "ok": value(1)}))
    assert played.kinds("bad") == ["driver-bug", "driver-bug"]
    run = next(run for run in played.folder.runs if run.cell.variant == "bad")
    traceback = (Path(played.folder.path) / run.raw / "traceback.txt").read_text()
    assert "ZeroDivisionError: oops" in traceback
    assert all(isinstance(o, Measured) for o in played.outcomes("ok"))


def test_a_lost_target_costs_only_its_own_runs(tmp_path: Path) -> None:
    lost = a_target({"x": raising(TargetLost("gone", hint="replug"))}, "phone", bench="phone:1")
    played = Played(tmp_path, lost, a_target({"a": value(1)}))
    first, *others = played.outcomes("x")
    assert set(played.kinds("x")) == {"target-lost"}
    assert isinstance(first, Failed)
    assert all(isinstance(o, Skipped) and not o.expected for o in others)
    assert all(isinstance(o, Measured) for o in played.outcomes("a"))
    assert played.driver.closed == 2


def test_a_target_with_a_kept_build_is_opened_with_its_tools_and_its_runtime(
    tmp_path: Path,
) -> None:
    class Noting(ScriptedDriver):
        def open(self, target: Any) -> ScriptedSession:
            opened[target.name] = (target.tools, target.runtime)
            return super().open(target)

    opened: dict[str, Any] = {}
    kept = KeptBuild({"tool": {}}, Path("kept"))
    twin = replace(a_target({"a": value(1)}, "t (last good)"), kept=kept)
    Played(tmp_path, a_target({"a": value(1)}), twin, driver=Noting())
    assert opened == {"t": ({}, None), "t (last good)": ({"tool": {}}, Path("kept"))}


def test_a_missing_target_is_a_skipped_row_with_the_next_step(tmp_path: Path) -> None:
    played = Played(tmp_path, a_target({"x": value(1)}, "phone", missing=True))
    assert [(o.failure.kind, o.failure.hint) for o in played.outcomes("x")] == [
        ("target-not-found", "plug it in")
    ] * 2
    (unavailable,) = [e for e in played.events if isinstance(e, TargetUnavailable)]
    assert unavailable.runs_skipped == 2


def test_what_a_driver_declares_unsupported_is_expectedly_skipped(tmp_path: Path) -> None:
    declared = SimpleNamespace(unsupported="no threads here")
    played = Played(tmp_path, a_target({"x": declared, "a": value(1)}))
    assert all(isinstance(o, Skipped) and o.expected for o in played.outcomes("x"))
    assert len(played.driver.executed) == 2


@pytest.mark.parametrize("kind", ["unsupported", "unsupported-op"])
def test_a_runtime_that_lacks_an_operator_skips_the_cell_and_names_it(
    tmp_path: Path, kind: str
) -> None:
    lacking = Reading(Failed(Failure(kind, "'Einsum' not registered for 'wasm'", "convert it")))
    played = Played(tmp_path, a_target({"x": value(1)}), driver=ScriptedDriver(lambda _: lacking))
    for outcome in played.outcomes("x"):
        assert isinstance(outcome, Skipped)
        assert outcome.expected
        assert "Einsum" in outcome.failure.message


def test_a_pass_that_the_driver_does_not_have_is_expectedly_skipped(tmp_path: Path) -> None:
    asking = replace(
        a_target({"a": value(1)}), sampling=Sampling(blocks=2, memory_runs=0, profile="ops")
    )
    played = Played(tmp_path, asking)
    *latency, ops = played.outcomes("a")
    assert all(isinstance(outcome, Measured) for outcome in latency)
    assert isinstance(ops, Skipped)
    assert ops.expected
    assert ops.failure.message == "the driver 'scripted' has no ops pass"
    (cell,) = summarise((played.folder,))
    assert [len(cell.extra["ops"].troubled), len(cell.latency.measured)] == [1, 2]


def test_a_fallback_never_becomes_a_number(tmp_path: Path) -> None:
    reading = measured(1.0, proof=Proof({"threads": 2}, {"threads": 1}))
    played = Played(tmp_path, a_target({"x": value(1)}), driver=ScriptedDriver(lambda _: reading))
    assert played.kinds("x") == ["variant-mismatch", "variant-mismatch"]
    assert "threads asked 2, observed 1" in played.outcomes("x")[0].failure.message


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_what_is_not_a_measurement_is_refused(tmp_path: Path, number: float) -> None:
    driver = ScriptedDriver(lambda _: measured(number))
    played = Played(tmp_path, a_target({"x": value(1)}), driver=driver)
    assert played.kinds("x") == ["unreadable-output", "unreadable-output"]


def test_an_empty_value_without_a_reason_is_refused(tmp_path: Path) -> None:
    reading = Reading(Measured((Measurement("latency_p50", "s"),)))
    played = Played(tmp_path, a_target({"x": value(1)}), driver=ScriptedDriver(lambda _: reading))
    assert isinstance(played.outcomes("x")[0], Failed)


def test_lanes_run_side_by_side_and_a_bench_runs_one_at_a_time(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(_: ScriptedSession) -> Capture:
        meeting.wait()
        return Capture({"value": b"1"})

    played = Played(
        tmp_path,
        a_target({"a": meet}, "one", bench="host"),
        a_target({"b": meet}, "two", bench="phone:1"),
    )
    assert all(isinstance(run.outcome, Measured) for run in played.folder.runs)


def test_ctrl_c_keeps_what_is_finished_and_a_resume_makes_the_rest(tmp_path: Path) -> None:
    def interrupt_after_first(event: Event) -> None:
        if isinstance(event, RunFinished):
            raise KeyboardInterrupt

    def wait_for_release(session: ScriptedSession) -> Capture:
        if len(session.driver.executed) > 1:
            session.released.wait(20)
            raise RunFailed("killed", hint="-")
        return Capture({"value": b"1"})

    target = a_target({"a": wait_for_release})
    first = Played(tmp_path, target, watch=interrupt_after_first)
    assert not first.finished
    assert first.events[-1] == SessionFinished(interrupted=True)
    assert [run.block for run in first.folder.runs] == [1]
    assert first.driver.closed == 1

    second = Played(tmp_path, a_target({"a": value(1)}), resume=True)
    assert second.finished
    assert [run.block for run in second.folder.runs] == [1, 2]
    assert len(second.driver.executed) == 1


def test_a_refusing_disk_ends_the_session_and_keeps_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = store.Writer.append
    calls: list[int] = []

    def full(self: store.Writer, run: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise StoreError("No space left on device", hint="free some space")
        original(self, run)

    monkeypatch.setattr(store.Writer, "append", full)
    with pytest.raises(StoreError, match="No space left"):
        Played(tmp_path, a_target({"a": value(1)}))
    monkeypatch.undo()
    assert len(store.read(tmp_path / "r").runs) == 1


def test_scratch_of_a_killed_session_is_swept_and_of_a_living_one_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, living, foreign = (
        tmp_path / name for name in ("edgebench-999999999-x", f"edgebench-{os.getpid()}-x", "mine")
    )
    for folder in (dead, living, foreign):
        folder.mkdir()
    Played(tmp_path, a_target({"a": value(1)}))
    assert [folder.exists() for folder in (dead, living, foreign)] == [False, True, True]
