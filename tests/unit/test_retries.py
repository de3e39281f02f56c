"""Which failures are tried again, and which blocks are added for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runner_parts import ScriptedDriver, a_target, value

from harness import plan
from harness.model import Cell, Failed, Failure, Measured, Outcome, Pass, RunResult
from harness.options import Sampling
from harness.plan import Plan
from harness.retries import AWAY, INFRASTRUCTURE, blocks_due, failed_for_good, group_of, with_added
from harness.suite.values import Generated, ModelSource, Suite

TRIED_AGAIN = [
    "target-lost",
    "target-not-found",
    "offline",
    "unauthorized",
    "no-permissions",
    "recovery",
    "rebooted",
    "adb-timed-out",
    "push-failed",
    "no-end-marker",
    "clock-jump",
]
FINAL = [
    "crashed",
    "killed",
    "timed-out",
    "tool-missing",
    "wrong-abi",
    "tool-failed",
    "variant-mismatch",
    "unreadable-output",
    "no-timing-line",
    "output-values",
    "unsupported",
    "no-space",
    "read-only",
    "driver-bug",
    "quarantined",
]
A, B = Cell("m", "fp32", "t", "a"), Cell("m", "fp32", "t", "b")


@pytest.mark.parametrize("kind", TRIED_AGAIN)
def test_what_says_nothing_about_the_model_is_tried_again(kind: str) -> None:
    assert kind in INFRASTRUCTURE
    assert blocks_due([a_run(A, 1, failed(kind))], 3) == {group_of(A, "latency"): 1}


@pytest.mark.parametrize("kind", FINAL)
def test_what_the_tool_or_the_model_did_is_final(kind: str) -> None:
    assert kind not in INFRASTRUCTURE
    assert blocks_due([a_run(A, 1, failed(kind))], 3) == {}


def test_every_class_that_means_an_absent_target_is_tried_again() -> None:
    assert AWAY <= INFRASTRUCTURE


@pytest.mark.parametrize("kind", TRIED_AGAIN)
def test_the_page_on_faults_tells_every_class_that_is_tried_again(kind: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    rows = [line for line in page.splitlines() if f"| `{kind}` |" in line]
    assert rows
    assert not any("final" in row for row in rows)


def a_run(cell: Cell, block: int, outcome: Outcome, pass_: Pass = "latency") -> RunResult:
    return RunResult(f"{cell.variant}{block}", cell, "host", pass_, block, 1, 1, outcome, "", 0.0)


def failed(kind: str) -> Failed:
    return Failed(Failure(kind, "it broke", "mend it"))


def a_plan(blocks: int = 2) -> Plan:
    targets = (
        a_target({"a": value(1), "b": value(1)}, "t"),
        a_target({"c": value(1)}, "other"),
    )
    models = tuple(
        ModelSource(name, "fp32", Generated("n", 1), {}, (), "cpu", 1e-4) for name in ("m", "n")
    )
    suite = Suite("s", Path("s"), "suite: s\n", models, targets, (), Sampling(blocks=blocks))
    drivers: Any = {"scripted": ScriptedDriver()}
    return plan.make(suite, drivers)


def added(planned: Plan, runs: list[RunResult], most: int = 3) -> list[tuple[str, int]]:
    before = {run.key for run in planned.runs}
    whole = with_added(planned, runs, most)
    assert [run.order for run in whole.runs] == list(range(1, len(whole.runs) + 1))
    return sorted((r.cell.variant, r.block) for r in whole.runs if r.key not in before)


def test_an_added_block_has_every_cell_of_its_model_and_target_and_no_other() -> None:
    assert added(a_plan(), [a_run(A, 2, failed("target-lost"))]) == [("a", 3), ("b", 3)]


def test_two_failures_in_one_block_call_for_one_block() -> None:
    runs = [a_run(A, 2, failed("target-lost")), a_run(B, 2, failed("offline"))]
    assert added(a_plan(), runs) == [("a", 3), ("b", 3)]


def test_an_added_block_that_is_spoilt_calls_for_another_up_to_a_bound() -> None:
    runs = [a_run(A, block, failed("target-lost")) for block in range(1, 9)]
    assert added(a_plan(), runs, most=2) == [("a", 3), ("a", 4), ("b", 3), ("b", 4)]


def test_folders_of_sessions_that_added_nothing_are_read_as_they_were() -> None:
    assert added(a_plan(), [a_run(A, 1, failed("target-lost"))], most=0) == []


def test_runs_that_are_not_paired_are_added_alone() -> None:
    planned = a_plan()
    memory = [replace(run, block=1, pass_="memory", order=0) for run in planned.lanes[0].prototypes]
    (lane,) = planned.lanes
    lane = replace(lane, prototypes=(*lane.prototypes, *memory))
    runs = [a_run(A, 1, failed("target-lost"), "memory")]
    assert added(replace(planned, lanes=(lane,)), runs) == [("a", 2)]


outcomes = st.one_of(
    st.just(Measured(())), st.sampled_from(["target-lost", "crashed", "push-failed"]).map(failed)
)


@settings(deadline=None, max_examples=50)
@given(st.lists(outcomes, min_size=8, max_size=8), st.integers(0, 8))
def test_a_resumed_session_adds_what_one_without_interruption_would_have(
    drawn: list[Outcome], cut: int
) -> None:
    planned = a_plan()
    runs = [
        a_run(run.cell, run.block, outcome)
        for run, outcome in zip(planned.runs, drawn, strict=False)
    ]
    at_once = with_added(planned, runs, 3)
    again = plan.without(with_added(planned, runs, 3), {run.key for run in planned.runs[:cut]})
    assert {run.key for run in again.runs} == {run.key for run in at_once.runs[cut:]}
    assert {r.key: r.order for r in again.runs}.items() <= {
        r.key: r.order for r in at_once.runs
    }.items()


@pytest.mark.parametrize(
    ("outcomes", "final"),
    [
        ([Measured(()), Measured(())], False),
        ([Measured(()), failed("target-lost"), failed("crashed")], True),
        ([Measured(()), failed("target-lost"), Measured(())], False),
        ([Measured(()), failed("crashed"), Measured(())], True),
        ([failed("offline"), Measured(()), failed("offline"), Measured(())], False),
        ([failed("offline")] * 4 + [Measured(())], True),
    ],
)
def test_a_failure_is_made_up_for_by_as_many_runs_as_were_planned(
    outcomes: list[Outcome], final: bool
) -> None:
    runs = [a_run(A, block, outcome) for block, outcome in enumerate(outcomes, start=1)]
    assert failed_for_good(runs, 3) is final
