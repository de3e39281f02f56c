"""What a cell's summary is made of: which runs, which statistic, which blocks, which facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_folders import (
    CHROMIUM,
    DEVICE,
    failed,
    folder,
    memory,
    realistic,
    run,
    session,
    skipped,
    times,
)

from harness.errors import CompareError
from harness.model import Cell, Measured, Measurement, Outcome, ResultFolder
from harness.report.cell_ratios import RatioSummary
from harness.report.summary import CellSummary, latest_attempts, summarise

ONE_WEB = session((CHROMIUM,), ("m",))
PLAIN, SIMD, THREADS = ONE_WEB.cells


def by_variant(result: ResultFolder) -> dict[str, CellSummary]:
    return {summary.cell.variant: summary for summary in summarise([result])}


def ratio_of(summary: CellSummary, denominator: str) -> RatioSummary:
    return next(ratio for ratio in summary.ratios if ratio.denominator == denominator)


def test_half_the_time_is_twice_as_fast() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times({"plain": 0.008, "simd": 0.004, "simd-2t": 0.002}[cell.variant])

    summaries = by_variant(folder(ONE_WEB, outcome_of))
    simd = ratio_of(summaries["simd"], "plain")
    assert simd.estimate is not None
    assert simd.estimate.estimate == pytest.approx(2)
    assert simd.verdict == "faster"
    further = ratio_of(summaries["simd-2t"], "simd")
    assert further.estimate is not None
    assert further.estimate.estimate == pytest.approx(2)


def test_a_machine_that_drifts_cancels_inside_its_blocks() -> None:
    # Each block is half as fast as the one before: only pairs of a block tell the ratio.
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times((0.008 if cell == PLAIN else 0.004) * 2**block)

    ratio = ratio_of(by_variant(folder(ONE_WEB, outcome_of))["simd"], "plain")
    assert ratio.estimate is not None
    assert (ratio.estimate.low, ratio.estimate.high) == pytest.approx((2, 2))


def test_a_failed_run_leaves_its_block_out_of_its_ratios_only() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return failed() if (cell, block) in {(SIMD, 2), (PLAIN, 5)} else times(0.001 * block)

    summaries = by_variant(folder(replace(ONE_WEB, blocks=8), outcome_of))
    blocks = {
        (numerator, ratio.denominator): ratio.estimate.blocks
        for numerator, summary in summaries.items()
        for ratio in summary.ratios
        if ratio.estimate
    }
    assert blocks == {("simd", "plain"): 6, ("simd-2t", "plain"): 7, ("simd-2t", "simd"): 7}
    assert summaries["simd"].time is not None
    assert summaries["simd"].time.n == 7


def test_p50_counts_where_all_compared_runs_have_it() -> None:
    summaries = by_variant(folder(ONE_WEB, lambda cell, block: times(0.002, mean=0.003)))
    assert {summary.statistic for summary in summaries.values()} == {"p50"}


def test_one_run_without_p50_brings_all_it_is_compared_with_to_the_mean() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        without = cell.target == "chromium" and cell.variant == "simd" and block == 3
        return times(None if without else 0.002, mean=0.003)

    two_targets = session((CHROMIUM, DEVICE), ("m",))
    summaries = summarise([folder(two_targets, outcome_of)])
    statistics = {(s.cell.target, s.cell.variant): s.statistic for s in summaries}
    assert {name for (target, _), name in statistics.items() if target == "chromium"} == {"mean"}
    assert {name for (target, _), name in statistics.items() if target == "device"} == {"p50"}
    web = [summary for summary in summaries if summary.cell.target == "chromium"]
    assert {summary.time.median for summary in web if summary.time} == {0.003}


def test_the_last_attempt_counts_wherever_it_stands() -> None:
    early = run(PLAIN, 1, failed(), attempt=1)
    late = run(PLAIN, 1, times(0.008), attempt=2)
    for runs in ((early, late), (late, early)):
        assert latest_attempts(runs) == (late,)
    gone_bad = run(PLAIN, 1, failed(), attempt=3)
    summary = by_variant(ResultFolder("x", ONE_WEB, (late, gone_bad)))["plain"]
    assert summary.time is None
    assert len(summary.latency.troubled) == 1


def test_memory_comes_from_memory_runs_and_time_from_latency_runs_only() -> None:
    mixed = Measured((*times(0.008).measurements, Measurement("wasm_heap", "B", 1.0)))
    other = Measured((*times(9.0).measurements, *memory(wasm_heap=64.0).measurements))
    runs = (run(PLAIN, 1, mixed), run(PLAIN, 1, other, pass_="memory"))
    summary = by_variant(ResultFolder("x", ONE_WEB, runs))["plain"]
    assert summary.time is not None
    assert summary.time.values == (0.008,)
    assert [(m.metric, m.values) for m in summary.memory_metrics] == [("wasm_heap", (64.0,))]


def test_runs_of_different_settings_are_not_put_into_one_cell() -> None:
    runs = (
        run(PLAIN, 1, times(0.008)),
        run(PLAIN, 2, times(0.008), setting={"cpu_model": "A", "threads": 2}),
        run(PLAIN, 3, times(0.008), setting={"cpu_model": "B", "threads": 2}),
    )
    with pytest.raises(CompareError, match=r"cpu_model \(A, B\)") as refused:
        summarise([ResultFolder("x", ONE_WEB, runs)])
    assert "threads (1, 2)" in str(refused.value)
    assert refused.value.exit_code == 5


def test_a_failed_run_of_another_setting_does_not_stand_in_the_way() -> None:
    runs = (
        run(PLAIN, 1, times(0.008)),
        run(PLAIN, 2, failed(), setting={"threads": 7}),
    )
    assert by_variant(ResultFolder("x", ONE_WEB, runs))["plain"].time is not None


@pytest.mark.parametrize(
    "fact", ["virtual", "timed", "method", "inputs_sha256", "device", "os_major"]
)
def test_a_ratio_never_crosses_what_its_variants_must_share(fact: str) -> None:
    runs = tuple(
        run(cell, block, times(0.008), setting={fact: cell == SIMD and "other"})
        for block in range(1, 7)
        for cell in (PLAIN, SIMD)
    )
    ratio = ratio_of(by_variant(ResultFolder("x", ONE_WEB, runs))["simd"], "plain")
    assert ratio.estimate is None
    assert fact in ratio.reason


def test_what_variants_declare_may_differ_in_a_ratio() -> None:
    summaries = by_variant(folder(ONE_WEB, lambda cell, block: times(0.001)))
    assert summaries["plain"].observed("wasm") != summaries["simd"].observed("wasm")
    assert ratio_of(summaries["simd"], "plain").verdict == "same"


def test_blocks_of_two_benches_are_never_paired() -> None:
    runs = tuple(
        run(cell, block, times(0.008), bench="host" if cell == PLAIN else "phone:1")
        for block in range(1, 7)
        for cell in (PLAIN, SIMD)
    )
    ratio = ratio_of(by_variant(ResultFolder("x", ONE_WEB, runs))["simd"], "plain")
    assert ratio.estimate is None
    assert "no block" in ratio.reason


def test_below_timer_resolution_is_a_reason_and_not_a_number() -> None:
    absent = Measured((Measurement("latency_p50", "s", None, absent="below timer resolution"),))
    summary = by_variant(folder(ONE_WEB, lambda cell, block: absent))["plain"]
    assert summary.time is None
    assert summary.time_absent == "below timer resolution"


def test_a_time_of_zero_is_not_a_time() -> None:
    summary = by_variant(folder(ONE_WEB, lambda cell, block: times(0.0, mean=0.0)))["simd"]
    assert summary.time is None
    assert ratio_of(summary, "plain").estimate is None


def test_the_time_to_the_first_result_is_added_up_within_a_run() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times(0.001, init=0.1 * block, load=0.2, first_inference=1.0 / block)

    summary = by_variant(folder(replace(ONE_WEB, blocks=3), outcome_of))["plain"]
    whole = next(m for m in summary.cold_start if m.metric == "time_to_first_result")
    assert whole.values == pytest.approx((1.3, 0.9, 0.3 + 0.2 + 1 / 3))


def test_an_interrupted_session_knows_what_is_missing() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome | None:
        return times(0.001) if block <= 2 and cell != THREADS else None

    summaries = by_variant(folder(ONE_WEB, outcome_of))
    missing = {name: summary.latency.missing for name, summary in summaries.items()}
    assert missing == {"plain": 4, "simd": 4, "simd-2t": 6}


def test_a_target_without_memory_runs_misses_none() -> None:
    record = session((replace(CHROMIUM, memory_runs=0),), ("m",), memory_runs=3)
    summaries = by_variant(folder(record, lambda cell, block: times(0.001)))
    assert {summary.memory.missing for summary in summaries.values()} == {0}


def test_skipped_runs_are_no_missing_runs() -> None:
    summary = by_variant(folder(ONE_WEB, lambda cell, block: skipped()))["plain"]
    assert (summary.latency.missing, len(summary.latency.troubled)) == (0, 6)


def test_rows_come_in_the_order_of_the_suite_and_not_of_the_shuffle() -> None:
    shuffled = replace(ONE_WEB, cells=(THREADS, PLAIN, SIMD))
    summaries = summarise([folder(shuffled, lambda cell, block: times(0.001))])
    assert [summary.cell.variant for summary in summaries] == ["plain", "simd", "simd-2t"]


def test_a_cells_values_come_in_the_order_of_their_blocks() -> None:
    runs = tuple(run(PLAIN, block, times(0.001 * block)) for block in (3, 1, 2))
    time = by_variant(ResultFolder("x", ONE_WEB, runs))["plain"].time
    assert time is not None
    assert time.values == (0.001, 0.002, 0.003)


def test_folders_stand_side_by_side_and_have_different_names() -> None:
    one, two = realistic(), replace(realistic(), path="results/quickstart/2027_host-1a2b3c")
    names = [summary.session_name for summary in summarise([one, two])]
    assert list(dict.fromkeys(names)) == ["2026_host-1a2b3c", "2027_host-1a2b3c"]
    assert len(names) == 2 * len(one.session.cells)
    labelled = replace(two, session=replace(two.session, label="office"))
    names = [summary.session_name for summary in summarise([one, labelled])]
    assert set(names) == {"host-1a2b3c", "office"}


def test_a_run_that_no_plan_names_still_has_a_row() -> None:
    stray = run(Cell("m", "fp32", "gone", "v"), 1, times(0.001))
    result = ResultFolder("x", ONE_WEB, (stray,))
    assert by_variant(result)["v"].time is not None


@pytest.mark.parametrize(("most", "planned"), [(3, 7), (0, 6)])
def test_added_blocks_count_as_planned_and_pair_like_any_other(most: int, planned: int) -> None:
    record = replace(ONE_WEB, added_blocks=most)
    spoilt = folder(
        record, lambda cell, block: failed("target-lost") if block == 2 else times(0.004)
    )
    summary = by_variant(spoilt)["simd"]
    assert summary.latency.planned == planned
    assert summary.latency.missing == planned - 6
    added = tuple(run(cell, 7, times(0.004)) for cell in record.cells)
    summary = by_variant(replace(spoilt, runs=(*spoilt.runs, *added)))["simd"]
    assert len(summary.latency.measured) == 6
    assert summary.latency.missing == 0
    estimate = ratio_of(summary, "plain").estimate
    assert estimate is not None
    assert estimate.blocks == 6
