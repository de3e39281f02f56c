"""With a precision, blocks are added look by look, and what is stored decides how many."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runner_parts import (
    Played,
    ScriptedDriver,
    ScriptedSession,
    a_target,
    by_block,
    measured,
    raising,
    session_record,
    value,
)

from harness import plan, store
from harness.cli.plan import plan_table
from harness.disturbances import Replacing
from harness.errors import RunFailed
from harness.looks import how_looked, standings
from harness.model import Capture, Cell, Facts, Measured, ResultFolder, RunResult, Skipped, Table
from harness.options import Sampling
from harness.plan import Plan
from harness.plugins import Probed
from harness.report import tables
from harness.report.methods import methods
from harness.report.numbers import significant
from harness.report.sampling import blocks_asked
from harness.report.summary import summarise
from harness.retries import RetryPolicy
from harness.runner import lane
from harness.runner import session as runner_session
from harness.runner.events import BlockAdded, Looked, SessionStarted
from harness.runner.expectation import Expectation
from harness.store.merging import merge
from harness.store.records import session_from_record, session_to_bytes
from harness.suite.values import Generated, ModelSource, Suite, Target

KEPT = Path(__file__).parents[1] / "fixtures" / "result_folders"
ASKED = Sampling(precision=0.02)
POLICY = RetryPolicy(added_blocks=3, replacing=Replacing(most=10, spared=3))


@pytest.fixture(autouse=True)
def _no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Expectation((), "0" * 64, "", None, 1e-4, "no reference")
    monkeypatch.setattr(lane, "expect", lambda *_, **__: nothing)
    # Whoever else is busy on this machine disturbs no block here.
    monkeypatch.setattr(runner_session, "_probes", lambda: ())


def quiet(block: int) -> float:
    """Spread less than 1 % over any six blocks."""
    return 1 + 0.001 * (block % 7)


def one_odd(block: int) -> float:
    """Have one block of the first six that is 6 % off: too wide at 6, narrow enough at 9."""
    return 1.06 if block == 2 else quiet(block)


def wild(block: int) -> float:
    """Never settle."""
    return 1 + 0.4 * (block * 7 % 5)


def two(behave: Callable[[int], float], **options: Any) -> Target:
    variants = {"a": value(1), "b": by_block(behave)}
    return a_target(variants, ratios=(("b", "a"),), **options)


def with_memory(target: Target) -> Target:
    return replace(target, sampling=replace_sampling(target, memory_runs=1))


def replace_sampling(target: Target, **changes: Any) -> Sampling:
    return target.sampling.model_copy(update=changes)


def played(tmp_path: Path, *targets: Target, sampling: Sampling = ASKED, **options: Any) -> Played:
    return Played(tmp_path, *targets, sampling=sampling, policy=POLICY, **options)


def times(factor: float) -> Callable[[int], float]:
    return lambda block: factor * one_odd(block)


def blocks_of(folder: ResultFolder, variant: str = "b") -> list[int]:
    latency = [run for run in folder.runs if run.pass_ == "latency"]
    return [run.block for run in latency if run.cell.variant == variant]


def looks_of(session: Played) -> list[tuple[int, str, int]]:
    found = [event for event in session.events if isinstance(event, Looked)]
    return [(event.blocks, event.state, event.runs) for event in found]


def sampling_texts(folder: ResultFolder) -> list[Any]:
    (latency, *_) = tables.build((folder,))
    return column(latency, "sampling")


def column(table: Table, key: str) -> list[Any]:
    at = [each.key for each in table.columns].index(key)
    return [row[at] for row in table.rows]


def test_it_stops_at_the_first_look_that_is_narrow_enough_and_memory_comes_last(
    tmp_path: Path,
) -> None:
    session = played(tmp_path, with_memory(two(quiet)))
    assert blocks_of(session.folder) == [1, 2, 3, 4, 5, 6]
    assert [run.pass_ for run in session.folder.runs] == ["latency"] * 12 + ["memory"] * 2
    assert looks_of(session) == [(6, "reached", 0)]
    (started,) = [event for event in session.events if isinstance(event, SessionStarted)]
    assert started.runs == 14
    assert sampling_texts(session.folder) == ["6 blocks, ±0.249 % of 2 %"] * 2


def test_it_goes_on_to_the_next_look_and_memory_still_comes_last(tmp_path: Path) -> None:
    session = played(tmp_path, with_memory(two(one_odd)))
    assert blocks_of(session.folder) == list(range(1, 10))
    assert [run.pass_ for run in session.folder.runs] == ["latency"] * 18 + ["memory"] * 2
    assert looks_of(session) == [(6, "sampling", 6), (9, "reached", 0)]
    (cell, _) = summarise((session.folder,))
    assert (cell.latency.planned, cell.latency.missing) == (9, 0)


def test_the_order_of_blocks_is_that_of_a_plan_with_a_fixed_number(tmp_path: Path) -> None:
    session = played(tmp_path, two(wild))
    fixed = Played(tmp_path / "fixed", two(wild), sampling=Sampling(blocks=30))
    for these, those in zip(session.folder.runs, fixed.folder.runs, strict=True):
        assert (these.cell, these.block, these.order) == (those.cell, those.block, those.order)


def test_what_is_not_reached_after_the_last_look_is_said_in_the_row(tmp_path: Path) -> None:
    session = played(tmp_path, two(wild))
    assert blocks_of(session.folder) == list(range(1, 31))
    assert looks_of(session)[-1] == (30, "not reached", 0)
    for text in sampling_texts(session.folder):
        assert text.startswith("not reached: 30 blocks, ±")
        assert text.endswith(" % of 2 %")


def test_a_shift_of_one_side_stops_it_at_the_same_look(tmp_path: Path) -> None:
    for factor in (0.1, 1.0, 10.0):
        session = played(tmp_path / str(factor), two(times(factor)))
        assert blocks_of(session.folder) == list(range(1, 10))


def test_no_look_begins_once_the_budget_is_spent(tmp_path: Path) -> None:
    session = played(tmp_path, two(wild), sampling=Sampling(precision=0.02, budget=1e-9))
    assert blocks_of(session.folder) == list(range(1, 7))
    assert looks_of(session) == [(6, "budget spent", 0)]
    for text in sampling_texts(session.folder):
        assert text.startswith("budget spent after 6 blocks, ±")


def test_a_budget_counts_runs_and_the_pauses_before_them_and_not_what_lies_between() -> None:
    record = replace(record_of(a_plan()), budget_s=100.0, targets=(replace(HERE, cooldown_s=5.0),))
    runs = made_runs(record.cells, 9, wild, duration_s=4.0)
    # Two cells and six blocks of 9 s: 108 s are more than 100 s.
    (standing,) = standings(runs, looking(record), "host").values()
    assert (standing.state, standing.looked) == ("budget spent", 6)
    for budget_s, state, planned in ((109.0, "budget spent", 9), (163.0, "sampling", 14)):
        (longer,) = standings(runs, looking(replace(record, budget_s=budget_s)), "host").values()
        assert (longer.state, longer.planned, longer.looked) == (state, planned, 9)


def test_without_a_ratio_the_interval_is_that_of_the_times(tmp_path: Path) -> None:
    session = played(tmp_path, a_target({"b": by_block(one_odd)}))
    assert blocks_of(session.folder) == list(range(1, 10))
    notes = [note for table in tables.build((session.folder,)) for note in table.notes]
    assert any("of the times themselves where nothing is compared" in note for note in notes)


def test_a_single_variant_beside_a_ratio_is_not_waited_for(tmp_path: Path) -> None:
    alone = a_target({"c": by_block(wild)}, "other")
    session = played(tmp_path, two(quiet), alone)
    assert blocks_of(session.folder, "c") == list(range(1, 7))


def test_each_bench_stops_by_itself(tmp_path: Path) -> None:
    # Which run was executed last is not asked here: the benches run side by side.
    numbers = iter(range(1, 31))

    def restless(session: ScriptedSession) -> Capture:
        return value(wild(next(numbers)))(session)

    here = a_target({"a": value(1), "b": restless}, "h", ratios=(("b", "a"),))
    steady = a_target({"a": value(1), "b": value(2)}, "p", bench="phone:1", ratios=(("b", "a"),))
    session = played(tmp_path, here, steady)
    last = {run.bench: run.block for run in session.folder.runs}
    assert last == {"host": 30, "phone:1": 6}


def test_a_variant_that_always_fails_keeps_nobody_waiting(tmp_path: Path) -> None:
    broken = raising(RunFailed("it fell over", hint="look", kind="crashed"))
    variants = {"a": value(1), "b": by_block(quiet), "x": broken}
    target = a_target(variants, ratios=(("b", "a"), ("x", "a")))
    session = played(tmp_path, target)
    assert blocks_of(session.folder) == list(range(1, 7))
    notes = [note for table in tables.build((session.folder,)) for note in table.notes]
    assert "Left out of it, since more blocks gave them nothing: intervals of m." in notes


def test_a_missing_target_is_skipped_look_by_look_and_not_thirty_times(tmp_path: Path) -> None:
    session = played(tmp_path, a_target({"x": value(1), "y": value(1)}, missing=True))
    assert blocks_of(session.folder, "x") == list(range(1, 7))
    assert sampling_texts(session.folder) == ["6 blocks, nothing to estimate"] * 2


def test_a_block_that_a_failure_adds_is_made_before_the_look(tmp_path: Path) -> None:
    spoilt = RunFailed("no end marker", hint="again", kind="no-end-marker")
    answer = by_block(quiet)
    broken = raising(spoilt)
    behave = lambda s: (broken if s.driver.executed[-1].startswith("l003") else answer)(s)  # noqa: E731  two cases, one line
    target = with_memory(a_target({"a": value(1), "b": behave}, ratios=(("b", "a"),)))
    session = played(tmp_path, target)
    assert blocks_of(session.folder) == [1, 2, 3, 4, 5, 6, 31]
    assert blocks_of(session.folder, "a") == [1, 2, 3, 4, 5, 6, 31]
    assert [run.pass_ for run in session.folder.runs][-2:] == ["memory"] * 2
    assert looks_of(session) == [(6, "reached", 0)]
    (added,) = [event for event in session.events if isinstance(event, BlockAdded)]
    assert (added.runs, added.why) == (2, "")
    (cell, _) = summarise((session.folder,))
    assert (cell.latency.planned, cell.latency.missing) == (7, 0)


class Neighbours:
    """A probe that says that others were busy during some blocks."""

    name = "neighbours"
    api_version = 1

    def __init__(self, driver: ScriptedDriver, *blocks: int) -> None:
        self._driver = driver
        self._busy = tuple(f"l{number:03d}" for number in blocks)

    def start(self) -> Callable[[], Any]:
        def stop() -> Probed:
            busy = self._driver.executed[-1].startswith(self._busy)
            return Probed({"others_cpu_share": 0.4 if busy else 0.0})

        return stop


def disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *blocks: int) -> Played:
    driver = ScriptedDriver()
    monkeypatch.setattr(runner_session, "_probes", lambda: (Neighbours(driver, *blocks),))
    # Block 2 is odd because others were busy: once it is replaced, six are enough.
    return played(tmp_path, two(one_odd), driver=driver)


def test_a_disturbed_block_is_replaced_before_the_look_that_would_count_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = disturbed(tmp_path, monkeypatch, 2)
    assert blocks_of(session.folder) == [1, 2, 3, 4, 5, 6, 34]
    assert looks_of(session) == [(6, "reached", 0)]
    (cell, _) = summarise((session.folder,))
    assert (cell.latency.planned, cell.latency.missing) == (6, 0)
    assert [run.block for run in cell.latency.left_out] == [2]


def test_at_each_look_at_most_a_third_of_its_blocks_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = disturbed(tmp_path, monkeypatch, *range(1, 41))
    # Two of six, three of nine; the odd one is among those left out.
    assert blocks_of(session.folder)[:8] == [1, 2, 3, 4, 5, 6, 34, 35]
    added = [event.runs for event in session.events if isinstance(event, BlockAdded)]
    assert added == [2, 2]
    assert looks_of(session) == [(6, "reached", 0)]
    (cell, _) = summarise((session.folder,))
    assert (len(cell.latency.runs), cell.latency.planned) == (6, 6)


@pytest.mark.parametrize("kept", [0, 5, 12, 14, 19, 21])
def test_a_resumed_session_makes_the_runs_of_one_that_was_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    def session(where: str, *, resume: bool = False) -> Played:
        driver = ScriptedDriver()
        monkeypatch.setattr(runner_session, "_probes", lambda: (Neighbours(driver, 4),))
        target = with_memory(two(one_odd))
        return played(tmp_path / where, target, driver=driver, resume=resume)

    whole = session("whole")
    session("cut")
    path = tmp_path / "cut" / "r" / "runs.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    resumed = session("cut", resume=True)
    assert [(r.cell, r.pass_, r.block) for r in resumed.folder.runs] == [
        (r.cell, r.pass_, r.block) for r in whole.folder.runs
    ]
    assert sampling_texts(resumed.folder) == sampling_texts(whole.folder)
    assert max(blocks_of(whole.folder)) == 34


def test_the_row_says_the_width_of_the_interval_that_the_table_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for busy in ((), (2,), (1, 5)):
        session = disturbed(tmp_path / str(len(busy)), monkeypatch, *busy)
        (ratio,) = [ratio for cell in summarise((session.folder,)) for ratio in cell.ratios]
        estimate = ratio.estimate
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        width = 100 * (math.sqrt(estimate.high / estimate.low) - 1)
        assert f", ±{significant(width)} % of 2 %" in sampling_texts(session.folder)[0]


@given(st.lists(st.floats(0.9, 1.1), min_size=30, max_size=30))
@settings(deadline=None, max_examples=15)
def test_blocks_that_come_after_a_decision_never_change_it(values: list[float]) -> None:
    record = record_of(a_plan())
    runs = made_runs(record.cells, 30, lambda block: values[block - 1])
    (whole,) = standings(runs, looking(record), "host").values()
    for blocks in (0, 5, 6, 8, 9, 13, 14, 20, 29, 30):
        within = [run for run in runs if run.block <= blocks]
        (found,) = standings(within, looking(record), "host").values()
        if blocks >= whole.looked:
            assert found == whole
        else:
            assert (found.state, found.planned > blocks) == ("sampling", True)


def test_a_session_that_is_at_its_end_has_nothing_to_resume(tmp_path: Path) -> None:
    played(tmp_path, two(one_odd))
    again = played(tmp_path, two(one_odd), resume=True)
    assert again.driver.executed == []
    assert looks_of(again) == []


def test_what_was_interrupted_is_called_unfinished(tmp_path: Path) -> None:
    session = played(tmp_path, two(one_odd))
    for kept, text in ((7, "unfinished: before 6 blocks"), (14, "unfinished: 6 blocks, ±")):
        cut = replace(session.folder, runs=session.folder.runs[:kept])
        assert all(each.startswith(text) for each in sampling_texts(cut))


def test_when_its_time_is_up_no_further_look_begins(tmp_path: Path) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    session = played(tmp_path, with_memory(two(wild)), until=past)
    assert all(isinstance(run.outcome, Skipped) for run in session.folder.runs)
    assert blocks_of(session.folder) == list(range(1, 7))


def test_the_report_says_the_rule_and_the_methods_paragraph_who_missed_it(tmp_path: Path) -> None:
    folder = played(tmp_path, two(wild), sampling=Sampling(precision=0.02, budget=1800)).folder
    notes = " ".join(note for table in tables.build((folder,)) for note in table.notes)
    rule = (
        "blocks were added until every 95 % interval of a model reached at most 2 % to either "
        "side, whatever it said, or 30 were made (looks after 6, 9, 14, 20 and 30), and none "
        "began once those of a bench had taken 30 min"
    )
    assert "Runs: 30 blocks, shuffled" in notes
    assert rule in notes
    assert "Quick look" not in notes
    text = methods((folder,), include_virtual=False)
    assert f"B{rule[1:]}. Not reached for m." in text


def test_the_speed_up_table_says_it_too(tmp_path: Path) -> None:
    folder = played(tmp_path, two(one_odd)).folder
    (speedups,) = [table for table in tables.build((folder,)) if table.name == "speedups"]
    (text,) = column(speedups, "sampling")
    assert text.startswith("9 blocks, ±")


def test_a_fixed_number_has_no_such_column(tmp_path: Path) -> None:
    folder = Played(tmp_path, two(quiet)).folder
    assert all(
        "sampling" not in [c.key for c in table.columns] for table in tables.build((folder,))
    )


def test_the_plan_says_the_least_and_the_most_and_a_number_of_blocks_switches_it_off() -> None:
    told = " ".join(plan_table(a_plan()).notes)
    assert "12 to 60 runs of 2 cells" in told
    assert "6 blocks of each model, then up to 9, 14, 20, 30, until every 95 % interval" in told
    assert "about 42 s to 3 min 30 s if" in told
    fixed = plan_table(a_plan(blocks=4))
    assert "4 blocks, in place of the suite's precision of 2 %" in " ".join(fixed.notes)
    assert len(fixed.rows) == 8


def test_the_plan_says_where_a_budget_ends() -> None:
    told = " ".join(plan_table(a_plan(budget=60.0)).notes)
    # Two runs of about 3.5 s a block: 63 s after nine blocks.
    assert "12 to 18 runs" in told
    assert "once the blocks of a bench have taken 1 min 00 s it begins no further ones" in told


def test_sessions_of_before_read_as_ones_with_a_fixed_number() -> None:
    session = store.read_session(KEPT / "schema-1-raw-hashes")
    assert (session.blocks, session.precision, session.budget_s) == (1, None, None)
    assert session.looks == ()
    assert {target.cooldown_s for target in session.targets} == {0.0}
    assert how_looked(session, {}) is None


def test_a_kept_folder_is_judged_as_it_was_when_it_was_measured() -> None:
    folder = store.read(KEPT / "schema-1-precision")
    assert max(blocks_of(folder, "two")) == 9
    assert sampling_texts(folder) == ["9 blocks, ±36.9 % of 60 %"] * 2
    looks = replace(folder.session, looks=(6, 7, 30))
    (cell, _) = summarise((replace(folder, session=looks),))
    # The numbers of the looks are the session's own, not those of today.
    assert cell.sampling is not None
    assert cell.sampling.looked == 7


def test_a_merged_folder_is_judged_as_the_one_that_it_was_made_of(tmp_path: Path) -> None:
    merge([KEPT / "schema-1-precision"], tmp_path / "merged")
    merged = store.read(tmp_path / "merged")
    assert sampling_texts(merged) == ["9 blocks, ±36.9 % of 60 %"] * 2


def test_what_was_asked_for_is_in_the_session_record() -> None:
    session = replace(record_of(a_plan(budget=90.0)), targets=(replace(HERE, cooldown_s=2.0),))
    assert session_from_record(json.loads(session_to_bytes(session))) == session
    assert (session.precision, session.budget_s, session.looks) == (0.02, 90.0, (6, 9, 14, 20, 30))
    assert blocks_asked(session) == "6–30"


def test_models_with_a_base_stop_together_and_by_the_ratios_over_it() -> None:
    base, other = (Cell(model, "fp32", "t", "a") for model in ("base", "m"))
    record = replace(record_of(a_plan()), cells=(base, other), base_model="base")
    for behave, looked in ((quiet, 6), (one_odd, 9)):
        runs = [
            *made_runs((base,), 9, lambda _: 1.0),
            *made_runs((other,), 9, behave),
        ]
        (place, standing), *rest = standings(runs, looking(record), "host").items()
        assert (place, rest) == (("host", ""), [])
        assert (standing.state, standing.looked) == ("reached", looked)


def test_what_may_not_be_compared_is_not_waited_for() -> None:
    record = record_of(a_plan())
    one, other = record.cells
    runs = [
        *made_runs((one,), 6, wild, setting={"timed": "invoke"}),
        *made_runs((other,), 6, quiet, setting={"timed": "predict+readback"}),
    ]
    (standing,) = standings(runs, looking(record), "host").values()
    assert (standing.state, standing.seen.half_width, standing.seen.left_out) == (
        "reached",
        None,
        1,
    )


def a_plan(blocks: int | None = None, budget: float | None = None) -> Plan:
    model = ModelSource("m", "fp32", Generated("n", 1), {}, (), "cpu", 1e-4)
    sampling = Sampling(precision=0.02, budget=budget)
    suite = Suite("s", Path("s"), "suite: s\n", (model,), (two(quiet),), (), sampling)
    drivers: Any = {"scripted": ScriptedDriver()}
    return plan.make(suite, drivers, blocks=blocks)


def record_of(planned: Plan) -> Any:
    return session_record(planned, POLICY)


HERE = record_of(a_plan()).targets[0]


def looking(record: Any) -> Any:
    return how_looked(record, {})


def made_runs(
    cells: tuple[Cell, ...],
    blocks: int,
    behave: Callable[[int], float],
    *,
    duration_s: float = 1.0,
    setting: Facts | None = None,
) -> list[RunResult]:
    """Return measured runs of cells; the last one has the times, all others take 1 s."""
    return [
        RunResult(
            f"{cell.variant}{block}",
            cell,
            "host",
            "latency",
            block,
            block,
            1,
            outcome,
            "",
            duration_s,
            setting=setting or {},
        )
        for block in range(1, blocks + 1)
        for cell in cells
        for outcome in (measured(behave(block) if cell == cells[-1] else 1.0).outcome,)
        if isinstance(outcome, Measured)
    ]
