"""Each judged thing has a known answer, and only fresh blocks call a cell slower."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gate_parts import (
    CELL,
    FILE,
    FIRST,
    LAST_GOOD,
    REFERENCE,
    TWINS,
    at,
    build,
    decided,
    failing,
    found,
    night_of,
    one,
)
from report_folders import failed, run, skipped, times

from harness.gate.builds import NotedCell
from harness.gate.decision import exit_code
from harness.gate.judging import flagged
from harness.gate.observing import pairs_of
from harness.gate.twins import Builds, Twins
from harness.model import Cell, Outcome
from harness.plan import parse_selection
from harness.store.gate_record import GateRecord
from harness.suite.gate_keys import GateKeys

SLOWER = {CELL: at(1.05), LAST_GOOD: at(1.0)}
SAME = {CELL: at(1.0, seed=2), LAST_GOOD: at(1.0)}


def test_a_slowdown_is_flagged_and_only_fresh_blocks_call_it_a_regression() -> None:
    record = decided(found(SLOWER), found(SLOWER, blocks=12))
    latency = one(record, "latency")
    assert latency.verdict == "regressed"
    assert latency.change == pytest.approx(0.05, abs=0.005)
    assert latency.low < latency.change < latency.high
    assert latency.blocks == 12
    assert latency.p < 0.05
    assert (record.green, exit_code(record)) == (False, 1)
    assert "red" in record.why_not_moved


def test_a_flag_that_fresh_blocks_do_not_confirm_is_no_regression() -> None:
    record = decided(found(SLOWER), found(SAME, blocks=12))
    latency = one(record, "latency")
    assert (latency.verdict, latency.p is not None) == ("unchanged", True)
    assert "not confirmed" in latency.why
    assert (record.green, exit_code(record)) == (True, 0)


def test_a_flag_that_could_not_be_looked_at_again_is_unclear_and_moves_nothing() -> None:
    record = decided(found(SLOWER), None)
    assert one(record, "latency").verdict == "unclear"
    assert record.green
    assert "could not be confirmed" in record.why_not_moved


def test_the_same_speed_is_unchanged_and_nothing_is_measured_again() -> None:
    screened = found(SAME)
    assert flagged(pairs_of(screened, FIRST, GateKeys())) == ()
    record = decided(screened)
    assert one(record, "latency").verdict == "unchanged"
    assert record.why_not_moved == ""


def test_a_faster_build_is_improved_and_a_noisy_one_is_unclear() -> None:
    faster = decided(found({CELL: at(0.9), LAST_GOOD: at(1.0)}))
    assert one(faster, "latency").verdict == "improved"
    noisy = decided(found({CELL: at(0.99, 0.05, 3), LAST_GOOD: at(1.0, 0.05, 4)}))
    assert one(noisy, "latency").verdict in {"unclear", "improved"}


def test_each_method_of_memory_has_a_threshold_of_its_own() -> None:
    def night(keys: GateKeys) -> GateRecord:
        heaps = {CELL: 1.03e6, LAST_GOOD: 1e6}
        screened, fresh = found(SAME, heaps=heaps), found(SAME, 12, heaps, rounds=12)
        return decided(screened, fresh, keys=keys, twins=FIRST)

    strict = GateKeys(memory_methods={"wasm_heap": 0.02}, max_drift=0.1)
    assert one(night(strict), "wasm_heap").verdict == "regressed"
    assert one(night(GateKeys()), "wasm_heap").verdict == "unchanged"


def test_memory_that_only_the_last_good_build_tells_is_missing() -> None:
    record = decided(found(SAME, heaps={LAST_GOOD: 1e6}))
    heap = one(record, "wasm_heap")
    assert (heap.verdict, heap.now) == ("missing", None)
    assert exit_code(record) == 1


def test_a_method_of_memory_that_does_not_exist_is_no_threshold() -> None:
    with pytest.raises(ValueError, match="no method of memory"):
        GateKeys(memory_methods={"wasm_heep": 0.02})


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(1011, "regressed"), (1010, "unchanged"), (1000, "unchanged"), (900, "improved")],
)
def test_a_file_that_grew_beyond_its_threshold_is_a_regression(size: int, verdict: str) -> None:
    builds = Builds(build("c", size), build("a", 1000), build("a", 1000))
    judged = one(decided(found(SAME), builds=builds), "file_bytes")
    assert judged.verdict == verdict
    assert (judged.before, judged.now, judged.unit) == (1000, size, "B")


@pytest.mark.parametrize(
    ("now", "most", "verdict"),
    [
        ("31 of 33", 0, "regressed"),
        ("31 of 33", 2, "unchanged"),
        ("33 of 33", 0, "unchanged"),
        ("30 of 30", 0, "unchanged"),
    ],
)
def test_nodes_that_are_left_over_are_a_regression(now: str, most: int, verdict: str) -> None:
    screened = dict(found(SAME))
    for cell, nodes in ((CELL, now), (LAST_GOOD, "33 of 33")):
        summary = screened[cell]
        runs = tuple(
            replace(each, setting={**each.setting, "nodes_delegated": nodes})
            for each in summary.latency.runs
        )
        screened[cell] = replace(summary, latency=replace(summary.latency, runs=runs))
    record = decided(screened, keys=GateKeys(nodes_delegated=most))
    assert one(record, "nodes_delegated").verdict == verdict


def test_a_cell_that_newly_fails_is_red_and_tells_what_it_said() -> None:
    record = decided(found({CELL: failing, LAST_GOOD: at(1.0)}))
    outcome = one(record, "outcome")
    assert outcome.verdict == "newly failed"
    assert "it fell over" in outcome.why
    assert one(record, "latency").verdict == "not judged"
    assert exit_code(record) == 1


def test_where_the_last_good_build_fails_too_the_environment_did_it_and_nothing_moves() -> None:
    record = decided(found({CELL: failing, LAST_GOOD: failing}))
    assert one(record, "outcome").verdict == "environment changed"
    assert record.green
    assert "could not be measured" in record.why_not_moved
    assert exit_code(record) == 1


def test_a_cell_that_failed_at_last_good_may_fail_again_quietly() -> None:
    before = night_of(build("a"), NotedCell(CELL, "failed"))
    record = decided(found({CELL: failing, LAST_GOOD: failing}), before=before)
    assert one(record, "outcome").verdict == "unchanged"
    assert exit_code(record) == 0


def test_a_cell_whose_device_is_away_is_missing() -> None:
    record = decided(found({CELL: lambda _: skipped(), LAST_GOOD: lambda _: skipped()}))
    assert one(record, "outcome").verdict == "missing"
    assert exit_code(record) == 1


def test_a_cell_that_the_suite_has_no_more_is_missing_until_it_is_accepted() -> None:
    gone = Cell("old", "fp32", "chromium", "simd")
    before = night_of(build("a"), NotedCell(CELL, "measured"), NotedCell(gone, "measured"))
    missing = decided(found(SAME), before=before)
    assert [j.cell for j in missing.judgements if j.verdict == "missing"] == [gone]
    accepted = decided(found(SAME), before=before, accepted=parse_selection(["model=old"]))
    assert (accepted.green, accepted.why_not_moved) == (True, "")
    assert any("accepted: missing" in each.why for each in accepted.judgements)


def test_some_failures_among_many_runs_are_told_and_not_red() -> None:
    def flaky(block: int) -> Outcome:
        return failed("crashed", "once") if block == 1 else times(0.02)

    record = decided(found({CELL: flaky, LAST_GOOD: at(1.0)}))
    outcome = one(record, "outcome")
    assert outcome.verdict == "unclear"
    assert outcome.why.startswith("1 of 6 runs failed")


def test_an_accepted_regression_is_told_and_not_red() -> None:
    selection = parse_selection(["model=blazeface"])
    record = decided(found(SLOWER), found(SLOWER, 12), accepted=selection)
    latency = one(record, "latency")
    assert latency.verdict == "not judged"
    assert latency.why.startswith("accepted: regressed")
    assert latency.change == pytest.approx(0.05, abs=0.005)
    assert (record.green, record.why_not_moved) == (True, "")


def test_builds_that_take_different_inputs_are_not_judged() -> None:
    screened = dict(found(SLOWER))
    summary = screened[CELL]
    runs = tuple(
        replace(each, setting={**each.setting, "input_shapes": "x:1x2:float32"})
        for each in summary.latency.runs
    )
    other = screened[LAST_GOOD]
    others = tuple(
        replace(each, setting={**each.setting, "input_shapes": "x:1x3:float32"})
        for each in other.latency.runs
    )
    screened[CELL] = replace(summary, latency=replace(summary.latency, runs=runs))
    screened[LAST_GOOD] = replace(other, latency=replace(other.latency, runs=others))
    latency = one(decided(screened), "latency")
    assert latency.verdict == "not judged"
    assert "input_shapes" in latency.why


def test_identical_builds_leave_nothing_to_judge_but_failures() -> None:
    builds = Builds(build("a"), build("a"), build("a"))
    record = decided(found({CELL: at(1.0)}), twins=Twins(), builds=builds)
    assert record.why_not_moved == "the builds are identical"
    assert {each.what for each in record.judgements} == {"outcome", "file_bytes"}
    failed_now = decided(found({CELL: failing}), twins=Twins(), builds=builds)
    assert one(failed_now, "outcome").verdict == "newly failed"
    assert "nothing of its build changed" in one(failed_now, "outcome").why


def test_a_known_cell_whose_files_last_good_does_not_have_says_so() -> None:
    twins = Twins(alone={CELL: "tool:new/x86_64"})
    latency = one(decided(found({CELL: at(1.0)}), twins=twins), "latency")
    assert (latency.verdict, latency.change) == ("not judged", None)
    assert "tool:new/x86_64" in latency.why


def test_a_changed_environment_is_told_and_is_no_verdict() -> None:
    before = night_of(build("a"), environment={"host": {"kernel": "6.1", "os": "Debian"}})
    now = {"host": {"kernel": "6.2", "os": "Debian", "python": "3.13"}}
    record = decided(found(SAME), before=before, environment=now)
    assert [(c.bench, c.fact, c.before, c.now) for c in record.environment] == [
        ("host", "kernel", "6.1", "6.2")
    ]
    assert (record.green, record.why_not_moved) == (True, "")


def test_a_selection_judges_its_cells_and_moves_nothing() -> None:
    gone = Cell("other", "fp32", "chromium", "simd")
    before = night_of(build("a"), NotedCell(CELL, "measured"), NotedCell(gone, "measured"))
    record = decided(found(SAME), before=before, whole=False)
    assert record.green
    assert "--only" in record.why_not_moved


def test_distance_to_the_reference_keeps_last_good_where_it_is() -> None:
    creeping = {CELL: at(1.015), LAST_GOOD: at(1.0), REFERENCE: at(0.975)}
    builds = Builds(build("c"), build("b"), build("a"))
    record = decided(found(creeping), found(creeping, 12), twins=TWINS, builds=builds)
    assert one(record, "latency").verdict != "regressed"
    (drift,) = record.drift
    assert drift.change == pytest.approx(1.015 / 0.975 - 1, abs=0.005)
    assert (drift.exceeds, drift.confirmed) == (True, True)
    assert record.green
    assert "drifted" in record.why_not_moved
    assert exit_code(record) == 1
    pinned = decided(found(creeping), found(creeping, 12), twins=TWINS, builds=builds, pins=True)
    assert (pinned.why_not_moved, exit_code(pinned)) == ("", 0)


def test_files_that_creep_are_measured_from_the_reference_too() -> None:
    builds = Builds(build("c", 1036), build("b", 1027), build("a", 1000))
    record = decided(found(SAME), builds=builds)
    assert one(record, "file_bytes").verdict == "unchanged"
    sizes = [each for each in record.drift if each.what == "file_bytes"]
    assert [(each.exceeds, round(each.change, 3)) for each in sizes] == [(True, 0.036)]


def test_what_is_judged_is_named_by_its_own_cell_never_by_its_twin() -> None:
    record = decided(found(SLOWER), found(SLOWER, 12))
    assert {each.cell for each in record.judgements} == {CELL}
    assert FILE.startswith("model:")
    assert run(CELL, 1, times(1.0)).cell == CELL
