"""Threads as an axis, what Wasm variants buy and cost, native beside browser: known answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import report_folders
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import failed, memory, times

from harness.model import (
    Cell,
    Figure,
    Measured,
    Outcome,
    ResultFolder,
    RunResult,
    Table,
    TargetRecord,
)
from harness.report import tables
from harness.report.pictures.all_pictures import pictures
from harness.report.summary import summarise
from harness.report.threads import lines
from harness.report.virtual_section import VIRTUAL_SECTION
from harness.statistics.paired import paired_difference

WEB = ("plain", "simd", "simd-1t", "simd-2t", "simd-4t", "auto")
WASM = {
    "plain": ("plain", 1),
    "simd": ("simd", 1),
    "simd-1t": ("threaded-simd", 1),
    "simd-2t": ("threaded-simd", 2),
    "simd-4t": ("threaded-simd", 4),
    "auto": ("threaded-simd", 1),
}
MEAN_S = {
    "plain": 0.080,
    "simd": 0.020,
    "simd-1t": 0.025,
    "simd-2t": 0.0125,
    "simd-4t": 0.010,
    "auto": 0.024,
    "cpu-1t": 0.010,
    "cpu-2t": 0.008,
}
FIRST_S = {"plain": 0.350, "simd": 0.260}
USS = {"plain": 92 * 2**20, "simd": 93 * 2**20}
CHROMIUM = TargetRecord("chromium", "web-tfjs", "host", False, WEB, "plain", (), 0.02)
DEVICE = TargetRecord(
    "device", "android-tflite", "host", True, ("cpu-1t", "cpu-2t"), "cpu-1t", (), 0.02
)


def facts(cell: Cell) -> dict[str, Any]:
    shared = {"cpu_model": "AMD EPYC 7B13", "inputs_sha256": "aa", "warmup_seconds": 1.0}
    if cell.target != "chromium":
        threads = int(cell.variant[-2])
        return {
            "setting": {**shared, "context": "shell", "virtual": True, "threads": threads},
            "subject": {"tool": "litert-host", "tool_says_it_is": "litert-host"},
            "conditions": {},
        }
    wasm, threads = WASM[cell.variant]
    return {
        "setting": {
            **shared,
            "driver": "web-tfjs",
            "device": "Chromium 156 on this host",
            "timed": "predict+readback",
            "context": "page",
            "virtual": False,
            "wasm": wasm,
            "threads": threads,
            "as_shipped": cell.variant == "auto",
        },
        "subject": {"wasm_sha256": wasm, "wasm_bytes": 300 * 1024},
        "conditions": {
            "threads_as_shipped": 1,
            "threads_forced": threads > 1,
            "wasm_heap_shared": wasm == "threaded-simd",
        },
    }


def made(cell: Cell, block: int, outcome: Outcome, pass_: Any = "latency") -> RunResult:
    return report_folders.run(cell, block, outcome, pass_=pass_, **facts(cell))


def measured(
    *targets: TargetRecord, blocks: int = 6, without: tuple[str, ...] = (), **session: Any
) -> ResultFolder:
    """Return a folder in which every run of a variant takes exactly the same time."""
    record = report_folders.session(
        targets or (CHROMIUM, DEVICE), ("net",), blocks=blocks, **session
    )
    runs = []
    for cell in record.cells:
        first = FIRST_S.get(cell.variant, 0.4)
        good: Measured = times(MEAN_S[cell.variant] / 1.01, time_to_first_result=first)
        outcome: Outcome = failed() if cell.variant in without else good
        runs += [made(cell, block, outcome) for block in range(1, blocks + 1)]
        taken = USS.get(cell.variant, 114 * 2**20)
        for repeat in range(1, 4):
            if cell.target == "chromium":
                used = memory(renderer_uss=taken + (repeat - 2) * 2**20)
                runs.append(made(cell, repeat, used, "memory"))
    return ResultFolder("results/s/t", record, tuple(runs))


def built(folder: ResultFolder, name: str) -> Table:
    (found,) = [table for table in tables.build([folder]) if table.name == name]
    return found


def rows(table: Table) -> list[dict[str, str | None]]:
    keys = [column.key for column in table.columns]
    return [
        dict(zip(keys, (v.text if isinstance(v, Figure) else v for v in row), strict=True))
        for row in table.rows
    ]


def column(table: Table, key: str) -> dict[str, str | None]:
    return {str(row["variant"]): row[key] for row in rows(table)}


# --- speed-up over threads ----------------------------------------------------------------


def test_threads_are_set_against_one_thread_of_the_same_build_with_their_share_of_ideal() -> None:
    table = built(measured(CHROMIUM), "threads")
    assert column(table, "over_one") == {
        "simd-1t": "1 thread",
        "simd-2t": "2.00× faster [2.00, 2.00]",
        "simd-4t": "2.50× faster [2.50, 2.50]",
    }
    assert column(table, "share") == {"simd-1t": None, "simd-2t": "100 %", "simd-4t": "62 %"}
    assert column(table, "threads") == {
        "simd-1t": "1",
        "simd-2t": "2 forced",
        "simd-4t": "4 forced",
    }


def test_the_android_lane_has_its_line_too() -> None:
    found = [t for t in tables.build([measured()]) if t.name == "threads"]
    table = next(t for t in found if t.section == VIRTUAL_SECTION)
    assert column(table, "over_one") == {
        "cpu-1t": "1 thread",
        "cpu-2t": "1.25× faster [1.25, 1.25]",
    }


def test_a_line_without_its_point_of_one_thread_says_so_instead_of_guessing() -> None:
    table = built(measured(CHROMIUM, without=("simd-1t",)), "threads")
    assert set(column(table, "over_one").values()) == {None}
    assert any("its point of one thread has no time" in note for note in table.notes)


def test_different_builds_and_what_tfjs_chose_itself_are_on_no_line_of_others() -> None:
    (line,) = lines(summarise([measured(CHROMIUM)]))
    assert [point.cell.cell.variant for point in line.points] == ["simd-1t", "simd-2t", "simd-4t"]


def test_a_single_number_of_threads_has_no_table() -> None:
    target = replace(CHROMIUM, variants=("plain", "simd"))
    assert not [t for t in tables.build([measured(target)]) if t.name == "threads"]


def test_the_picture_has_the_ideal_line_every_point_and_its_interval() -> None:
    (picture,) = [p for p in pictures([measured(CHROMIUM)]) if "speed_up" in p.table.name]
    root = ET.fromstring(picture.svg)
    svg = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f".//{svg}polyline[@class='ideal']")) == 1
    assert len(root.findall(f".//{svg}circle")) == 3
    assert len(root.findall(f".//{svg}circle[@class='mark claimed']")) == 2
    assert len(root.findall(f".//{svg}line[@class='bar']")) == 2
    assert root.find(f"{svg}title") is not None
    assert root.find(f"{svg}desc") is not None
    assert [row[2].text for row in picture.table.rows if isinstance(row[2], Figure)] == [
        "1×",
        "2.00× faster [2.00, 2.00]",
        "2.50× faster [2.50, 2.50]",
    ]


def test_there_is_no_picture_where_there_is_no_speed_up() -> None:
    folder = measured(CHROMIUM, without=("simd-1t",))
    assert not [p for p in pictures([folder]) if "speed_up" in p.table.name]


# --- forced, as shipped -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["latency", "cold_start", "memory", "buys_and_costs"])
def test_forced_rows_and_shipped_ones_are_marked_where_they_stand(name: str) -> None:
    table = built(measured(CHROMIUM), name)
    assert column(table, "ran_as") == {
        "plain": None,
        "simd": None,
        "simd-1t": None,
        "simd-2t": "forced",
        "simd-4t": "forced",
        "auto": "as shipped: threaded-simd, 1 thread",
    }
    told = " ".join(table.notes)
    assert "forced: TF.js would have used 1 thread for a visitor" in told
    assert "as shipped: what TF.js took by itself" in told


def test_a_runtime_without_a_cap_of_its_own_is_forced_by_the_cores_that_it_was_shown() -> None:
    folder = measured(CHROMIUM)
    runs = tuple(
        replace(run, conditions={**run.conditions, "threads_as_shipped": None})
        for run in folder.runs
    )
    table = built(replace(folder, runs=runs), "latency")
    assert column(table, "ran_as")["simd-4t"] == "forced"
    told = " ".join(table.notes)
    assert "shown more cores than this machine has" in told
    assert "TF.js would have used" not in told


def test_the_speed_ups_have_a_column_as_shipped_that_says_what_it_was() -> None:
    target = replace(CHROMIUM, ratios=(("simd", "auto"),))
    table = built(measured(target), "speedups")
    (row,) = rows(table)
    assert any("(chromium/auto threaded-simd, 1 thread)" in note for note in table.notes)
    assert row["as_shipped"] == "23.8"
    assert row["simd_2t"] == "12.4 (forced)"
    assert row["simd/as_shipped"] == "1.20× faster [1.20, 1.20]"


def test_a_column_of_marks_is_there_only_where_something_is_marked() -> None:
    target = replace(CHROMIUM, variants=("plain", "simd"))
    keys = [column.key for column in built(measured(target), "latency").columns]
    assert "ran_as" not in keys


# --- what it buys and costs ---------------------------------------------------------------


def test_simd_and_threads_multiply_to_the_whole_gain() -> None:
    table = built(measured(CHROMIUM), "buys_and_costs")
    assert column(table, "simd") == {
        "plain": "base",
        "simd": "4.00× [4.00, 4.00]",
        "simd-1t": "3.20× [3.20, 3.20]",
        "simd-2t": "3.20× [3.20, 3.20]",
        "simd-4t": "3.20× [3.20, 3.20]",
        "auto": "3.33× [3.33, 3.33]",
    }
    assert column(table, "threads") == {
        "plain": None,
        "simd": None,
        "simd-1t": None,
        "simd-2t": "2.00× [2.00, 2.00]",
        "simd-4t": "2.50× [2.50, 2.50]",
        "auto": None,
    }


def test_costs_are_changes_over_the_base_by_one_method() -> None:
    table = built(measured(CHROMIUM), "buys_and_costs")
    headers = {column.key: (column.header, column.unit) for column in table.columns}
    assert headers["first_result"] == ("first result", "ms")
    assert headers["change_renderer_uss"] == ("renderer USS", "MiB")
    told = {row["variant"]: row for row in rows(table)}
    assert [told[v]["first_result"] for v in WEB[:3]] == [None, "−90.0", "+50.0"]
    assert [told[v]["change_renderer_uss"] for v in WEB[:3]] == [None, "+1.00", "+22.0"]
    assert {row["wasm_bytes"] for row in rows(table)} == {"300"}
    assert [told[v]["isolation"] for v in WEB[:3]] == ["no", "no", "yes"]


def test_memory_of_two_methods_is_never_subtracted() -> None:
    folder = measured(CHROMIUM)
    runs = tuple(
        replace(run, outcome=memory(wasm_heap=2**24))
        if run.pass_ == "memory" and run.cell.variant == "simd"
        else run
        for run in folder.runs
    )
    table = built(replace(folder, runs=runs), "buys_and_costs")
    assert column(table, "change_renderer_uss")["simd"] is None


def test_memory_over_several_runs_shows_its_spread() -> None:
    table = built(measured(CHROMIUM), "memory")
    assert column(table, "renderer_uss")["plain"] == "92.0 (91.0–93.0)"
    assert "(least–most)" in table.notes[0]


# --- native beside browser ----------------------------------------------------------------


def test_litert_stands_beside_each_wasm_variant_of_as_many_threads() -> None:
    table = built(measured(), "native")
    assert {row["variant"]: (row["native"], row["native_over_browser"]) for row in rows(table)} == {
        "plain": ("device cpu-1t", "8.00× faster [8.00, 8.00]"),
        "simd": ("device cpu-1t", "2.00× faster [2.00, 2.00]"),
        "simd-1t": ("device cpu-1t", "2.50× faster [2.50, 2.50]"),
        "simd-2t": ("device cpu-2t", "1.56× faster [1.56, 1.56]"),
        "simd-4t": ("device cpu-1t", "1.00× same [1.00, 1.00]"),
        "auto": ("device cpu-1t", "2.40× faster [2.40, 2.40]"),
    }
    assert table.section == VIRTUAL_SECTION
    assert any("say nothing of a phone" in note for note in table.notes)


def test_it_is_the_mean_that_crosses_lanes_even_where_both_have_medians() -> None:
    first = rows(built(measured(), "native"))[0]
    assert (first["time"], first["native_time"]) == ("80.0", "10.0")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inputs_sha256": "bb"}, "inputs_sha256"),
        ({"cpu_model": "another"}, "cpu_model"),
        ({"warmup_seconds": 2.0}, "warmup_seconds"),
    ],
)
def test_lanes_that_do_not_share_what_they_must_have_no_ratio(
    change: dict[str, Any], why: str
) -> None:
    folder = measured()
    runs = tuple(
        replace(run, setting={**run.setting, **change}) if run.cell.target == "device" else run
        for run in folder.runs
    )
    table = built(replace(folder, runs=runs), "native")
    assert {row["native_over_browser"] for row in rows(table)} == {None}
    assert any(f"not comparable: {why} differ" in note for note in table.notes)


@pytest.mark.parametrize("change", ["bench", "stand-in"])
def test_another_bench_or_a_stand_in_for_litert_is_no_native_lane(change: str) -> None:
    folder = measured()
    record = folder.session
    if change == "bench":
        targets = tuple(
            replace(t, bench="phone:1" if t.name == "device" else t.bench) for t in record.targets
        )
        folder = replace(folder, session=replace(record, targets=targets))
    else:
        runs = tuple(
            replace(run, subject={"tool": "x", "tool_says_it_is": "benchmark_model"})
            if run.cell.target == "device"
            else run
            for run in folder.runs
        )
        folder = replace(folder, runs=runs)
    assert not [t for t in tables.build([folder]) if t.name == "native"]


def test_blocks_that_failures_added_to_each_target_are_no_blocks_of_both() -> None:
    folder = measured(added_blocks=3)
    added = tuple(
        replace(run, block=7, outcome=times(1.0 if run.cell.target == "device" else 0.001))
        for run in folder.runs
        if run.block == 6 and run.pass_ == "latency"
    )
    table = built(replace(folder, runs=(*folder.runs, *added)), "native")
    assert column(table, "native_over_browser")["plain"] == "8.00× faster [8.00, 8.00]"


def test_a_failed_side_leaves_no_row() -> None:
    table = built(measured(without=("simd", "cpu-2t")), "native")
    assert "simd" not in column(table, "native")
    assert column(table, "native")["simd-2t"] == "device cpu-1t"


# --- the difference -----------------------------------------------------------------------

CHANGES = st.lists(st.floats(-10, 10), min_size=6, max_size=15)


@given(CHANGES, st.floats(-5, 5))
@settings(deadline=None, max_examples=60)
def test_a_difference_moves_with_what_is_added_to_every_block(
    values: list[float], more: float
) -> None:
    found, moved = paired_difference(values), paired_difference([v + more for v in values])
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.estimate <= found.high
    assert moved.estimate == pytest.approx(found.estimate + more, abs=1e-9)


def test_below_six_blocks_a_difference_has_no_interval() -> None:
    found = paired_difference([0.1, 0.2, 0.3])
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high, found.blocks) == (None, None, 3)
