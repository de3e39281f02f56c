"""The finished tables: what a reader sees, and what can never be seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import (
    CHROMIUM,
    DEVICE,
    WASM,
    failed,
    folder,
    memory,
    realistic,
    run,
    session,
    skipped,
    times,
)

from harness.model import (
    Cell,
    Column,
    Figure,
    Measured,
    Measurement,
    Outcome,
    ResultFolder,
    Table,
    TableValue,
    TargetRecord,
)
from harness.plugins import registry
from harness.report import tables
from harness.report.numbers import BYTES, SECONDS, bar, scale_for, significant
from harness.report.virtual_section import VIRTUAL_SECTION

FIXTURES = Path(__file__).parents[1] / "fixtures" / "report"
ONE_WEB = session((CHROMIUM,), ("m",))


def table(name: str, *folders: ResultFolder, section: str = "") -> Table:
    found = [t for t in tables.build(folders) if t.name == name and t.section == section]
    assert len(found) == 1, [t.name for t in found]
    return found[0]


def rows(found: Table) -> list[dict[str, TableValue]]:
    keys = [column.key for column in found.columns]
    return [dict(zip(keys, row, strict=True)) for row in found.rows]


def text(value: TableValue) -> str | None:
    return value.text if isinstance(value, Figure) else value


def row_texts(found: Table, *keys: str) -> list[tuple[str | None, ...]]:
    return [tuple(text(row[key]) for key in keys) for row in rows(found)]


def column(found: Table, key: str) -> Column:
    return next(column for column in found.columns if column.key == key)


def clockwork(cell: Cell, block: int) -> Outcome:
    return times({"plain": 0.008, "simd": 0.002, "simd-2t": 0.0016}[cell.variant])


def test_a_known_clock_gives_the_known_row() -> None:
    found = table("latency", folder(ONE_WEB, clockwork))
    assert column(found, "time").unit == column(found, "spread").unit == "ms"
    keys = ("variant", "statistic", "time", "spread", "runs", "speedup", "share", "verdict")
    assert row_texts(found, *keys) == [
        ("plain", "p50", "8.00", "8.00–8.00", "6", "baseline", "██████", None),
        ("simd", "p50", "2.00", "2.00–2.00", "6", "4.00× [4.00, 4.00]", "█▌", "faster"),
        ("simd-2t", "p50", "1.60", "1.60–1.60", "6", "5.00× [5.00, 5.00]", "█▎", "faster"),
    ]
    speedup = rows(found)[1]["speedup"]
    assert isinstance(speedup, Figure)
    assert (speedup.value, speedup.low, speedup.high) == pytest.approx((4, 4, 4))


def test_the_speed_ups_have_the_shape_that_people_know() -> None:
    found = table("speedups", folder(ONE_WEB, clockwork))
    assert [column.header for column in found.columns] == [
        "model",
        "target",
        "stat",
        "plain",
        "SIMD",
        "SIMD + 2 threads",
        "SIMD vs plain",
        "SIMD + 2 threads vs plain",
        "SIMD + 2 threads vs SIMD",
    ]
    assert [text(value) for value in found.rows[0]] == [
        "m",
        "chromium",
        "p50",
        "8.00",
        "2.00",
        "1.60",
        "4.00× faster [4.00, 4.00]",
        "5.00× faster [5.00, 5.00]",
        "1.25× faster [1.25, 1.25]",
    ]


def test_web_columns_follow_what_ran_and_not_what_it_is_called() -> None:
    firefox = replace(
        CHROMIUM, name="firefox", variants=("a", "b"), baseline="a", ratios=(("b", "a"),)
    )
    record = session((CHROMIUM, firefox), ("m",))
    kinds = {"a": ("plain", 1), "b": ("threaded-simd", 1)}

    runs = tuple(
        run(
            cell,
            block,
            times(0.008),
            setting=dict(
                zip(
                    ("wasm", "threads"), kinds.get(cell.variant) or WASM[cell.variant], strict=False
                )
            ),
        )
        for block in range(1, 7)
        for cell in record.cells
    )
    found = table("speedups", ResultFolder("x", record, runs))
    headers = [column.header for column in found.columns if column.unit == "ms"]
    assert headers == ["plain", "SIMD", "SIMD + 1 thread", "SIMD + 2 threads"]
    filled = [[text(value) for value in row[3:7]] for row in found.rows]
    assert filled == [["8.00", "8.00", None, "8.00"], ["8.00", None, "8.00", None]]


def test_two_variants_of_one_kind_keep_columns_of_their_own() -> None:
    twins = replace(CHROMIUM, variants=("simd", "again"), baseline=None, ratios=())
    record = session((twins,), ("m",))
    runs = tuple(
        run(cell, block, times(0.002), setting={"wasm": "simd", "threads": 1})
        for block in range(1, 7)
        for cell in record.cells
    )
    found = table("speedups", ResultFolder("x", record, runs))
    assert [column.key for column in found.columns if column.unit == "ms"] == ["simd", "again"]


def test_a_fallback_that_failed_stands_in_the_column_that_was_asked_for() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return failed("variant-mismatch") if cell.variant == "simd-2t" else clockwork(cell, block)

    found = table("speedups", folder(ONE_WEB, outcome_of))
    assert row_texts(found, "plain", "simd", "simd_2t") == [("8.00", "2.00", "failed")]


def test_a_target_with_one_variant_has_no_speed_ups() -> None:
    single = replace(CHROMIUM, variants=("plain",), ratios=())
    built = tables.build([folder(session((single,), ("m",)), clockwork)])
    assert "speedups" not in {found.name for found in built}


def test_virtual_rows_are_a_section_of_their_own_in_every_table() -> None:
    built = tables.build([realistic()])
    for found in built:
        targets = {row.get("target") for row in rows(found)}
        assert targets <= ({"device"} if found.section else {"chromium"})
    names = ["latency", "speedups", "{}", "cold_start", "memory", "coverage"]
    assert [(found.section, found.name) for found in built] == [
        *(("", name.format("buys_and_costs")) for name in names),
        *((VIRTUAL_SECTION, name.format("threads")) for name in names),
    ]


def test_runs_that_saw_a_virtual_device_are_virtual_whatever_was_planned() -> None:
    target = replace(DEVICE, virtual=False)
    built = tables.build([folder(session((target,), ("m",)), lambda c, b: times(0.01))])
    assert {found.section for found in built} == {VIRTUAL_SECTION}


def test_a_cell_without_a_number_has_its_reason() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome | None:
        absent = Measured((Measurement("latency_p50", "s", absent="below timer resolution"),))
        outcomes: dict[str, Outcome] = {"plain": failed("crashed"), "simd": skipped()}
        return outcomes.get(cell.variant, absent)

    found = table("latency", folder(ONE_WEB, outcome_of))
    assert row_texts(found, "time", "runs", "speedup", "verdict") == [
        (None, "0/6", None, "failed: crashed"),
        (None, "0/6", None, "skipped: target-not-found"),
        (None, "0/6", None, "no value: below timer resolution"),
    ]
    nothing = table("latency", folder(ONE_WEB, lambda cell, block: None))
    assert {verdict for (verdict,) in row_texts(nothing, "verdict")} == {"not run (interrupted)"}


def test_below_six_blocks_there_is_neither_interval_nor_verdict() -> None:
    quick = replace(ONE_WEB, blocks=5)
    found = table("latency", folder(quick, clockwork))
    assert row_texts(found, "speedup", "verdict")[1] == ("4.00×", "no interval")
    assert any("Fewer than 6 blocks" in note for note in found.notes)


@pytest.mark.parametrize(("blocks", "quick"), [(9, True), (10, False)])
def test_a_quick_look_says_so(blocks: int, quick: bool) -> None:
    for found in tables.build([realistic(blocks)]):
        assert any(note.startswith("Quick look") for note in found.notes) is quick


def test_the_baseline_counts_even_where_it_is_not_shown() -> None:
    built = tables.build([folder(ONE_WEB, clockwork)], only=lambda cell: cell.variant == "simd")
    assert row_texts(built[0], "variant", "speedup") == [("simd", "4.00× [4.00, 4.00]")]


def test_the_coverage_gives_reason_and_next_step_once_per_target() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return skipped() if cell.target == "phone" else clockwork(cell, block)

    phone = replace(DEVICE, name="phone", virtual=False, bench="phone:auto")
    record = session((CHROMIUM, phone), ("m", "n"), memory_runs=0)
    found = table("coverage", folder(record, outcome_of))
    assert row_texts(found, *[column.key for column in found.columns]) == [
        (
            "phone",
            "all 4",
            "24 of 24 latency",
            "skipped",
            "target-not-found: no phone is attached",
            "attach a phone",
        )
    ]
    assert found.notes[0] == "6 of 10 cells have a latency; measured: 36 latency and 0 memory runs."


def test_the_coverage_says_how_to_make_missing_runs() -> None:
    stopped = folder(ONE_WEB, lambda cell, block: clockwork(cell, block) if block == 1 else None)
    (missing,) = rows(table("coverage", stopped))[:1]
    assert missing["runs"] == "15 of 18 latency, 3 of 3 memory"
    assert missing["outcome"] == "not run"
    assert f"--resume {stopped.path}" in str(missing["next_step"])


def test_a_full_house_says_so_and_has_no_row() -> None:
    found = table("coverage", folder(replace(ONE_WEB, memory_runs=0), clockwork))
    assert found.rows == ()
    assert found.notes[0] == "All 3 cells measured: 18 latency and 0 memory runs."


def test_memory_has_a_column_per_method_and_a_reason_for_a_gap() -> None:
    absent = Measurement("renderer_uss", "B", absent="no permission to read smaps")
    runs = (
        run(ONE_WEB.cells[0], 1, memory(wasm_heap=57.6 * 2**20, pss=1.0e6), pass_="memory"),
        run(ONE_WEB.cells[1], 1, Measured((absent,)), pass_="memory"),
    )
    found = table("memory", ResultFolder("x", ONE_WEB, runs))
    assert [column.key for column in found.columns[3:]] == ["pss", "wasm_heap", "runs"]
    assert row_texts(found, "wasm_heap", "runs") == [("57.6", "1"), (None, "1")]
    with_value = (*runs, run(ONE_WEB.cells[2], 1, memory(renderer_uss=5e6), pass_="memory"))
    found = table("memory", ResultFolder("x", ONE_WEB, with_value))
    assert any("no permission to read smaps (m on chromium/simd)" in note for note in found.notes)


def test_a_metric_of_a_stranger_has_a_column_too() -> None:
    runs = (run(ONE_WEB.cells[0], 1, memory(gpu_memory=3e6), pass_="memory"),)
    assert column(table("memory", ResultFolder("x", ONE_WEB, runs)), "gpu_memory").unit == "MiB"


def test_cold_start_shares_one_unit_and_tells_fewer_runs() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        cold = {"init": 0.02, "first_inference": 0.4}
        return times(0.01, **cold, **({"load": 1.5} if block > 2 else {}))

    found = table("cold_start", folder(ONE_WEB, outcome_of))
    assert {c.unit for c in found.columns if c.unit} == {"ms"}
    keys = ("init", "load", "first_inference", "time_to_first_result", "runs")
    assert row_texts(found, *keys)[0] == ("20.0", "1500 (n=4)", "400", "1920 (n=4)", "6")


def test_each_table_says_where_how_and_how_undisturbed() -> None:
    for found in tables.build([realistic()]):
        said = "\n".join(found.notes)
        device = "virtual device (this host)" if found.section else "Chromium 156 on this host"
        build = "litert-host 2.3.0 (77aa55bb)" if found.section else "chromium 156.0.8078.79"
        share = "17 %" if found.section else "3 %"
        for words in (
            f"Device: {device}. This host: AMD EPYC 7B13, 2 cores, Debian GNU/Linux 12.",
            f"Builds: {build}",
            "Models: mobilenet_v2 fp32 (",
            "Threads as observed: " + ("device: cpu-1 1, cpu-2 2." if found.section else "chrom"),
            "Runs: 6 blocks, shuffled (seed 1)",
            "Inside the clock: " + ("invoke." if found.section else "predict+readback."),
            f"CPU taken by others during the runs: median {share}, most {share}.",
            "Measured 2026-11-23 02:00 UTC",
            "edgebench 0.1.0, commit 6895599a.",
        ):
            assert words in said, found.name
        assert ("Cross-origin isolated: yes" in said) is not bool(found.section)
        if found.name in {"latency", "speedups"}:
            assert "above 1 is faster" in said
            assert "Hodges-Lehmann over 6 blocks" in said
            assert "exact Wilcoxon signed-rank distribution, unadjusted" in said
            assert "at least 2 %" in said


def test_unknown_conditions_are_called_unknown() -> None:
    bare = folder(ONE_WEB, clockwork)
    runs = tuple(replace(one, conditions={}) for one in bare.runs)
    said = "\n".join(table("latency", replace(bare, runs=runs)).notes)
    assert "CPU taken by others: not known." in said
    assert "Cross-origin isolated" not in said
    none = "\n".join(table("latency", folder(ONE_WEB, lambda cell, block: None)).notes)
    assert "Device: not known, no run was measured." in none


def test_a_page_that_was_not_isolated_is_told() -> None:
    mixed = folder(ONE_WEB, clockwork)
    runs = tuple(
        replace(one, conditions={"cross_origin_isolated": one.block > 1}) for one in mixed.runs
    )
    said = "\n".join(table("latency", replace(mixed, runs=runs)).notes)
    assert "Cross-origin isolated: in 15 of 18 pages." in said


def test_two_folders_are_told_apart_row_by_row_and_note_by_note() -> None:
    one = folder(ONE_WEB, clockwork)
    other = replace(one, session=replace(one.session, label="office", seed=9))
    found = table("latency", one, other)
    assert found.columns[0].key == "session"
    assert [row[0] for row in found.rows] == ["host-1a2b3c"] * 3 + ["office"] * 3
    assert any(note.startswith("office: Runs: 6 blocks, shuffled (seed 9)") for note in found.notes)


def test_files_of_a_model_are_told_apart() -> None:
    cells = tuple(replace(cell, file=file) for file in ("fp32", "int8") for cell in ONE_WEB.cells)
    found = table("latency", folder(replace(ONE_WEB, cells=cells), clockwork))
    assert row_texts(found, "model", "file") == [("m", "fp32")] * 3 + [("m", "int8")] * 3
    assert len(table("speedups", folder(replace(ONE_WEB, cells=cells), clockwork)).rows) == 2


def test_no_folder_gives_no_table() -> None:
    assert tables.build([]) == ()
    assert tables.build([realistic()], only=lambda cell: False) == ()


OUTCOMES = st.sampled_from(
    [
        times(0.008),
        times(0.0081, init=0.1, load=0.2, first_inference=0.3),
        times(None, mean=0.009),
        times(0.0),
        Measured(()),
        failed(),
        skipped(),
        skipped(expected=True),
        None,
    ]
)


@given(data=st.data(), blocks=st.integers(1, 8))
@settings(deadline=None, max_examples=60)
def test_no_number_stands_where_nothing_was_measured(data: st.DataObject, blocks: int) -> None:
    record = session((CHROMIUM, DEVICE), ("m",), blocks=blocks)
    result = folder(record, lambda cell, block: data.draw(OUTCOMES))
    measured = {one.cell for one in result.runs if isinstance(one.outcome, Measured)}
    built = tables.build([result])
    for found in built:
        if found.name not in {"latency", "cold_start"}:
            continue
        for row in rows(found):
            cell = Cell("m", "fp32", str(row["target"]), str(row["variant"]))
            figures = [v for key, v in row.items() if isinstance(v, Figure) and key != "runs"]
            assert not figures or cell in measured
    latency = [row for found in built if found.name == "latency" for row in rows(found)]
    assert len(latency) == len(record.cells)
    for name in registry("formats").names:
        assert registry("formats").get(name).render(built).endswith("\n")


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_three_significant_digits_and_no_exponent(value: float) -> None:
    shown = significant(value)
    assert float(shown) == pytest.approx(value, rel=0.005)
    assert set(shown) <= set("0123456789.")
    assert len(shown.replace(".", "").strip("0") or "0") <= 3


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([], "ms"),
        ([0.0], "ms"),
        ([3e-9], "ns"),
        ([5e-6, 9e-5], "µs"),
        ([0.0009, 0.02, 0.08], "ms"),
        ([1.2, 3.0], "s"),
        ([1e-12], "ns"),
    ],
)
def test_a_column_has_the_unit_of_its_middle_value(values: Sequence[float], unit: str) -> None:
    assert scale_for(values, SECONDS).unit == unit


def test_memory_is_shown_in_binary_units_that_say_so() -> None:
    assert scale_for([57.6 * 2**20], BYTES).figure(57.6 * 2**20) == Figure(57.6, "57.6")
    assert scale_for([57.6 * 2**20], BYTES).unit == "MiB"


def test_a_bar_is_as_long_as_its_share() -> None:
    assert [bar(share).text for share in (1.0, 0.5, 1 / 48, 0.0001)] == ["██████", "███", "▏", "▏"]


@pytest.mark.parametrize("name", ["terminal", "markdown"])
def test_a_whole_report_looks_as_it_was_approved(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To approve a change: EDGEBENCH_APPROVE=1 pytest tests/unit/test_tables.py, and read the diff.
    monkeypatch.setenv("COLUMNS", "100")
    shown = registry("formats").get(name).render(tables.build([realistic(10)]))
    path = FIXTURES / f"made-up-report.{name}.txt"
    if os.environ.get("EDGEBENCH_APPROVE"):
        path.write_text(shown)
    assert shown == path.read_text()


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("blocks", [6, 10])
@pytest.mark.parametrize("with_failures", [True, False])
def test_the_quickstart_fits_into_a_terminal(width: int, blocks: int, with_failures: bool) -> None:
    built = tables.build([realistic(blocks, with_failures=with_failures)])
    shown = registry("formats").get("terminal").render_for(built, colour=False, width=width)
    assert max(map(len, shown.splitlines())) <= width
    for value in (value for found in built for row in found.rows for value in row):
        if isinstance(value, Figure):
            number, _, interval = value.text.partition(" [")
            assert number in shown
            assert interval in shown


def test_a_driver_that_reports_little_still_has_its_table() -> None:
    bare = TargetRecord("here", "stranger", "host", False, ("slow", "fast"), "slow", (), 0.02)
    record = session((bare,), ("m",))
    result = folder(record, lambda cell, block: times(None, mean=0.004))
    runs = tuple(replace(one, setting={}, subject={}, conditions={}) for one in result.runs)
    found = table("latency", replace(result, runs=runs))
    assert row_texts(found, "statistic", "time", "speedup", "verdict") == [
        ("mean", "4.00", "baseline", None),
        ("mean", "4.00", None, None),
    ]
