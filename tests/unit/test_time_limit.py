"""`until`: a block that began is finished whole, and nothing begins after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runner_parts import Played, a_target, value

from harness.cli.run import exit_code
from harness.errors import EXIT_FINDINGS
from harness.model import Cell, Pass
from harness.options import Sampling
from harness.plan import Lane, PlannedRun, estimated_seconds
from harness.runner.time_limit import TimeLimit, block_of, blocks_that_fit, next_time
from harness.suite.values import Generated, ModelSource, WorkloadSource

NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def run(block: int, variant: str = "a", pass_: Pass = "latency", model: str = "m") -> PlannedRun:
    target = cast("Any", SimpleNamespace(sampling=Sampling()))
    nothing = cast("Any", None)
    cell = Cell(model, "fp32", "t", variant)
    source = ModelSource(model, "fp32", Generated("n", 1), {}, (), "cpu", 1e-4)
    return PlannedRun(cell, "host", pass_, block, block, source, target, nothing)


def runs() -> list[PlannedRun]:
    latency = [run(block, variant) for block in (1, 2, 3) for variant in "ab"]
    return [*latency, run(1, "a", "memory"), run(1, "b", "memory", "other")]


def test_a_workloads_frames_take_their_time_in_latency_runs_alone() -> None:
    workload = WorkloadSource(Path("m.js"), frames_per_second=30.0, schedule_s=7.0)
    for pass_, more_s in (("latency", 7.0), ("memory", 0.0)):
        plain = run(1, pass_=cast("Pass", pass_))
        framed = replace(plain, model=replace(plain.model, workload=workload))
        assert estimated_seconds(framed) - estimated_seconds(plain) == pytest.approx(more_s)


def test_the_next_time_is_local_and_always_ahead(berlin: None) -> None:
    morning = next_time("06:30", NOW)
    assert morning.astimezone(UTC) == datetime(2026, 11, 26, 5, 30, tzinfo=UTC)
    assert next_time("23:31", NOW).astimezone(UTC) == NOW + timedelta(minutes=1)
    assert next_time("23:30", NOW).astimezone(UTC) == NOW + timedelta(days=1)


def test_a_night_in_which_the_clock_is_changed_ends_when_the_clock_says_so(berlin: None) -> None:
    before = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)
    assert next_time("06:30", before).astimezone(UTC) == datetime(2026, 10, 25, 5, 30, tzinfo=UTC)


@given(st.lists(st.booleans(), min_size=8, max_size=8))
@settings(deadline=None)
def test_no_block_is_cut_and_none_begins_late(late: list[bool]) -> None:
    moments = iter([NOW + timedelta(hours=1 if each else -1) for each in late])
    limit = TimeLimit(NOW, clock=lambda: next(moments))
    made = [each for each in runs() if limit.ends_before(each) is None]
    blocks = {block_of(each) for each in made}
    assert made == [each for each in runs() if block_of(each) in blocks]
    assert made == runs()[: len(made)]


def test_what_is_left_says_why_and_what_to_do() -> None:
    failure = TimeLimit(NOW, clock=lambda: NOW).ends_before(run(1))
    assert failure is not None
    assert (failure.kind, "--resume" in failure.hint) == ("time", True)
    assert TimeLimit(None).ends_before(run(1)) is None


def test_what_fits_is_counted_in_blocks_that_begin() -> None:
    lane = Lane("host", tuple(runs()), ())
    block_s = 2 * estimated_seconds(run(1))
    assert blocks_that_fit(lane, 0) == (0, 4)
    assert blocks_that_fit(lane, 0.5 * block_s) == (1, 4)
    assert blocks_that_fit(lane, 1.5 * block_s) == (2, 4)
    assert blocks_that_fit(lane, 100 * block_s) == (4, 4)


def test_what_comes_too_late_is_stored_as_skipped_with_exit_code_1(tmp_path: Path) -> None:
    target = a_target({"a": value(1.0)})
    late = Played(tmp_path, target, until=datetime.now(UTC) - timedelta(seconds=1))
    assert late.kinds("a") == ["time", "time"]
    assert exit_code(late.folder) == EXIT_FINDINGS
