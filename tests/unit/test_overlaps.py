"""Overlaps on a bench are found from recorded times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.model import Cell, Failure, Measured, Outcome, RunResult, Skipped
from harness.report.overlaps import overlapping, side_by_side

BEGIN = datetime(2026, 11, 25, tzinfo=UTC)


def run(
    start_s: float, duration_s: float, bench: str = "a", outcome: Outcome | None = None
) -> RunResult:
    started = (BEGIN + timedelta(seconds=start_s)).isoformat(timespec="milliseconds")
    cell = Cell("m", "fp32", "t", "v")
    made = outcome or Measured(())
    return RunResult("r", cell, bench, "latency", 1, 1, 1, made, started, duration_s)


def test_runs_that_follow_each_other_do_not_overlap() -> None:
    assert overlapping([run(0, 1), run(1, 1), run(2.5, 1)]) == ()
    assert overlapping([run(0, 1), run(0.5, 1, bench="b")]) == ()


def test_two_at_once_on_one_bench_are_found_in_any_order() -> None:
    first, second = run(0, 1.5), run(1, 1)
    assert overlapping([second, first]) == ((first, second),)


def test_what_was_skipped_took_no_time() -> None:
    skipped = Skipped(Failure("time", "late", "resume"))
    assert overlapping([run(0, 1), run(0.5, 0, outcome=skipped)]) == ()


def test_benches_side_by_side_are_counted() -> None:
    assert side_by_side([run(0, 1), run(1, 1)]) == 1
    assert side_by_side([run(0, 1), run(0, 1, "b"), run(5, 1), run(5, 1, "b")]) == 2
    assert side_by_side([]) == 0
