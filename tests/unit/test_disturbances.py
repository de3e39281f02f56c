"""A block that others disturbed is marked, replaced up to a limit, and left out only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_folders
from hypothesis import given, settings
from hypothesis import strategies as st
from runner_parts import Played, ScriptedDriver, a_target, measured, value

from harness import plan
from harness.cli.plan import plan_table
from harness.disturbances import (
    DISTURBED,
    Replacing,
    judged,
    left_out,
    replacements_due,
    replacing_runs,
)
from harness.model import Facts, ResultFolder
from harness.options import Sampling
from harness.plan import Plan
from harness.plugins import Probed
from harness.report import tables
from harness.report.frame import to_pandas
from harness.report.methods import methods
from harness.report.summary import summarise
from harness.retries import RetryPolicy
from harness.runner import lane
from harness.runner import session as runner_session
from harness.runner.events import BlockAdded
from harness.runner.expectation import Expectation
from harness.suite.values import Generated, ModelSource, Suite

POLICY = RetryPolicy(added_blocks=3, replacing=Replacing(most=2, spared=3))


@pytest.fixture(autouse=True)
def _no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Expectation((), "0" * 64, "", None, 1e-4, "no reference")
    monkeypatch.setattr(lane, "expect", lambda *_, **__: nothing)


class Neighbours:
    """A probe that says what others took during each run, by what was executed so far."""

    name = "neighbours"
    api_version = 1

    def __init__(self, driver: ScriptedDriver, share_of: Callable[[str], float | None]) -> None:
        self._driver = driver
        self._share_of = share_of

    def start(self) -> Callable[[], Probed]:
        return lambda: Probed({"others_cpu_share": self._share_of(self._driver.executed[-1])})


def played(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share_of: Callable[[str], float | None],
    **options: Any,
) -> Played:
    driver = ScriptedDriver()
    monkeypatch.setattr(runner_session, "_probes", lambda: (Neighbours(driver, share_of),))
    targets = (
        a_target({"a": value(1), "b": value(1)}, "t"),
        a_target({"c": value(1)}, "other"),
    )
    return Played(tmp_path, *targets, driver=driver, policy=POLICY, **options)


def busy_in(*blocks: int) -> Callable[[str], float]:
    return lambda run_id: 0.4 if run_id.startswith(tuple(f"l{n:03d}" for n in blocks)) else 0.01


def blocks_of(folder: ResultFolder, variant: str) -> list[int]:
    return [run.block for run in folder.runs if run.cell.variant == variant]


@pytest.mark.parametrize(
    ("conditions", "above", "found"),
    [
        ({"others_cpu_share": 0.16, "steal_cpu_share": 0.0}, 0.15, True),
        ({"others_cpu_share": 0.15, "steal_cpu_share": 0.0}, 0.15, False),
        ({"others_cpu_share": 0.10, "steal_cpu_share": 0.06}, 0.15, True),
        ({"others_cpu_share": 0.10}, 0.15, False),
        ({"others_cpu_share": None, "steal_cpu_share": 0.5}, 0.15, None),
        ({}, 0.15, None),
    ],
)
def test_the_threshold_is_on_what_others_took_and_steal_counts_as_theirs(
    conditions: Mapping[str, Any], above: float, found: bool | None
) -> None:
    assert judged(conditions, above) is found


def test_a_disturbed_block_is_replaced_whole_on_its_bench_and_stays_in_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = played(tmp_path, monkeypatch, busy_in(2))
    for variant in "abc":
        # Numbers 3 to 5 are for blocks that failures add.
        assert blocks_of(session.folder, variant) == [1, 2, 6]
    marks = {run.block: run.conditions[DISTURBED] for run in session.folder.runs}
    assert marks == {1: False, 2: True, 6: False}
    events = [event for event in session.events if isinstance(event, BlockAdded)]
    assert [(event.runs, event.why) for event in events] == [
        (3, "others used the CPU during block 2")
    ]


def test_on_a_machine_that_stays_busy_the_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = played(tmp_path, monkeypatch, lambda _: 0.9)
    assert blocks_of(session.folder, "a") == [1, 2, 6, 7]


def test_where_nobody_can_tell_nothing_is_replaced_and_nothing_is_called_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = played(tmp_path, monkeypatch, lambda _: None)
    assert blocks_of(session.folder, "a") == [1, 2]
    assert {run.conditions[DISTURBED] for run in session.folder.runs} == {None}


def test_another_bench_of_which_nothing_is_known_has_no_mark(tmp_path: Path) -> None:
    session = Played(tmp_path, a_target({"a": value(1)}, bench="phone:1"), policy=POLICY)
    assert {run.conditions[DISTURBED] for run in session.folder.runs} == {None}


def test_times_decide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([1.0, 50.0] * 20)
    driver = ScriptedDriver(lambda _: measured(next(values)))
    monkeypatch.setattr(runner_session, "_probes", lambda: (Neighbours(driver, lambda _: 0.0),))
    session = Played(tmp_path, a_target({"a": value(1)}), driver=driver, policy=POLICY)
    assert blocks_of(session.folder, "a") == [1, 2]


def test_a_resumed_session_makes_the_replacements_that_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = played(tmp_path / "whole", monkeypatch, busy_in(1, 2))
    stopped = played(tmp_path / "cut", monkeypatch, busy_in(1, 2))
    path = tmp_path / "cut" / "r" / "runs.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:7]))
    resumed = played(tmp_path / "cut", monkeypatch, busy_in(1, 2), resume=True)
    assert stopped.finished
    assert {(r.cell, r.block) for r in resumed.folder.runs} == {
        (r.cell, r.block) for r in whole.folder.runs
    }


def a_folder(
    blocks: int, disturbed: set[int], replaced: int, *, most: int = 2, facts: Facts | None = None
) -> ResultFolder:
    """Return a folder of planned blocks and their replacements, some disturbed."""
    record = report_folders.session(
        targets=(report_folders.CHROMIUM,),
        models=("blazeface",),
        blocks=blocks,
        added_blocks=3,
        replace_disturbed=most,
        disturbed_above=0.15,
    )
    numbers = [*range(1, blocks + 1), *(blocks + 3 + n for n in range(1, replaced + 1))]
    runs = tuple(
        replace(run, conditions={**run.conditions, DISTURBED: number in disturbed, **(facts or {})})
        for number in numbers
        for cell in record.cells
        for run in (report_folders.run(cell, number, report_folders.times(0.001 * number)),)
    )
    return ResultFolder("r", record, runs)


def test_a_replaced_block_is_left_out_of_times_and_ratios_and_the_note_says_so() -> None:
    folder = a_folder(6, disturbed={2}, replaced=1)
    (summary, *_) = summarise([folder])
    assert summary.latency.planned == 6
    assert summary.latency.missing == 0
    assert [run.block for run in summary.latency.runs] == [1, 3, 4, 5, 6, 10]
    assert [run.block for run in summary.latency.left_out] == [2]
    notes = [note for table in tables.build([folder]) for note in table.notes]
    assert (
        "Disturbed blocks (others, with steal, took more than 15 % of the CPU during one of their "
        "runs): 1 of 7 blocks; 1 left out, replaced by new ones."
    ) in notes
    frame = to_pandas([folder])
    assert set(frame[frame["left_out"]]["block"]) == {2}


def test_a_disturbed_block_beyond_the_limit_counts_and_the_note_says_so() -> None:
    folder = a_folder(6, disturbed={1, 2, 4, 10}, replaced=2)
    (summary, *_) = summarise([folder])
    assert [run.block for run in summary.latency.runs] == [3, 4, 5, 6, 10, 11]
    notes = " ".join(note for table in tables.build([folder]) for note in table.notes)
    assert "4 of 8 blocks; 2 left out, replaced by new ones; 2 not replaced, so they count" in notes


def test_not_known_is_never_told_as_quiet() -> None:
    folder = a_folder(
        6, disturbed=set(), replaced=0, facts={DISTURBED: None, "others_cpu_share": None}
    )
    notes = " ".join(note for table in tables.build([folder]) for note in table.notes)
    assert "Disturbed blocks: not known" in notes
    assert "CPU taken by others: not known" in notes


def test_folders_of_before_mark_nothing() -> None:
    assert "isturbed" not in str(tables.build([report_folders.realistic()]))


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers(1, 8)), st.integers(0, 4), st.data())
def test_as_many_runs_count_as_were_planned(disturbed: set[int], most: int, data: Any) -> None:
    planned = 8
    due = min(len(disturbed), most)
    # Replacements may be disturbed too, and call for others, up to the limit.
    again = data.draw(st.sets(st.integers(planned + 4, planned + 3 + most))) if most else set()
    every = disturbed | {n for n in again if n <= planned + 3 + due}
    made = min(len(every), most)
    folder = a_folder(planned, every, made, most=most)
    assert replacements_due(folder.runs, Replacing(most)) == (
        {("host", "blazeface"): made} if every else {}
    )
    for summary in summarise([folder]):
        assert len(summary.latency.runs) == summary.latency.planned == planned
        assert {run.block for run in summary.latency.left_out} <= every
    assert len(left_out(folder.session, folder.runs)) == made


def test_the_methods_paragraph_says_what_was_left_out() -> None:
    text = methods([a_folder(6, disturbed={2}, replaced=1)], include_virtual=False)
    assert "1 of 7 blocks; 1 left out, replaced by new ones." in text


def test_where_models_share_their_blocks_all_of_them_are_replaced_and_left_out_together() -> None:
    folder = a_folder(6, disturbed=set(), replaced=1)
    twin = tuple(replace(run, cell=replace(run.cell, model="base")) for run in folder.runs)
    disturbed = tuple(
        replace(run, conditions={**run.conditions, DISTURBED: run.block == 2}) for run in twin
    )
    record = replace(
        folder.session,
        base_model="base",
        cells=(*folder.session.cells, *(replace(c, model="base") for c in folder.session.cells)),
    )
    shared = ResultFolder("r", record, (*folder.runs, *disturbed))
    assert left_out(record, shared.runs) == {("host", "", 2)}
    for summary in summarise([shared]):
        assert [run.block for run in summary.latency.runs] == [1, 3, 4, 5, 6, 10]
        assert summary.latency.planned == 6
    planned = plan_of_two_models()
    runs = replacing_runs(
        planned.lanes[0].prototypes, {("host", ""): 1}, 1, Replacing(1, 3, together=True)
    )
    assert sorted((run.cell.model, run.cell.variant, run.block) for run in runs) == [
        ("m", "a", 6),
        ("m", "b", 6),
        ("n", "a", 6),
        ("n", "b", 6),
    ]


def test_the_plan_says_how_many_blocks_may_come_on_top() -> None:
    notes = plan_table(plan_of_two_models(blocks=6)).notes
    assert any(note.startswith("up to 2 blocks of each model more") for note in notes)
    assert not any("of each model more" in n for n in plan_table(plan_of_two_models()).notes)


def plan_of_two_models(blocks: int = 2) -> Plan:
    models = tuple(
        ModelSource(name, "fp32", Generated("n", 1), {}, (), "cpu", 1e-4) for name in ("m", "n")
    )
    target = a_target({"a": value(1), "b": value(1)})
    suite = Suite("s", Path("s"), "suite: s\n", models, (target,), (), Sampling(blocks=blocks))
    drivers: Any = {"scripted": ScriptedDriver()}
    return plan.make(suite, drivers)


def test_what_a_device_tells_of_its_own_cpu_marks_its_blocks_too(tmp_path: Path) -> None:
    shares = iter([0.05, 0.3, 0.05])
    driver = ScriptedDriver(lambda _: measured(1, conditions={"others_cpu_share": next(shares)}))
    session = Played(
        tmp_path, a_target({"a": value(1)}, bench="phone:1"), driver=driver, policy=POLICY
    )
    marks = {run.block: run.conditions[DISTURBED] for run in session.folder.runs}
    assert marks == {1: False, 2: True, 6: False}
