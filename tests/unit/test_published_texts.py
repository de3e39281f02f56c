"""Tables within somebody's file, a comment that fits, and the methods behind the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import CHROMIUM, SECONDS, folder, realistic, session, times
from test_compare import compared, night, side

from harness import store
from harness.cli import main
from harness.errors import SuiteError
from harness.model import Cell, Outcome, ResultFolder
from harness.report.comparison.comment import MARKER, MOST_CHARACTERS, comment
from harness.report.comparison.tables import Comparison
from harness.report.marked_region import with_region
from harness.report.methods import methods

BEGIN, END = "<!-- edgebench:results:begin -->", "<!-- edgebench:results:end -->"


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_only_what_stands_between_the_markers_changes(
    before: str, old: str, after: str, new: str
) -> None:
    written = with_region(f"{before}{BEGIN}{old}{END}{after}", "results", new, where="f")
    assert written == f"{before}{BEGIN}\n\n{new.strip()}\n\n{END}{after}"
    assert with_region(written, "results", new, where="f") == written


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_markers_that_are_not_there_once_are_refused(text: str) -> None:
    with pytest.raises(SuiteError) as caught:
        with_region(text, "results", "x", where="README.md")
    assert "README.md" in str(caught.value)
    assert "add both lines" in caught.value.hint


def written(at: Path, results: ResultFolder) -> str:
    with store.create(at, results.session, "suite: s\n") as writer:
        for run in results.runs:
            writer.append(run)
    return str(at)


def test_tables_go_into_a_file_without_virtual_devices(tmp_path: Path) -> None:
    results = written(tmp_path / "r", realistic())
    readme = tmp_path / "README.md"
    readme.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    assert main(["publish", results, "--into", str(readme)]) == 0
    shown = readme.read_text()
    assert shown.startswith("# Mine\n")
    assert shown.endswith("\n\nThe end.\n")
    assert "| chromium" in shown
    assert "cpu-1" not in shown
    assert "4 cells of virtual devices left out." in shown
    assert main(["publish", results, "--into", str(readme), "--include-virtual"]) == 0
    assert "cpu-1" in readme.read_text()


def test_publishing_nothing_in_particular_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", written(tmp_path / "r", realistic())]) == 2
    assert "--into" in capsys.readouterr().err


def outside_details(text: str) -> str:
    return text.partition("<details>")[0]


def test_a_comment_has_what_changed_on_top_and_folds_the_rest() -> None:
    slow = night({"chromium": 1.0}, path="b", seed=2)
    runs = tuple(
        replace(run, outcome=times(1.3 * SECONDS[run.cell.model, run.cell.variant]))
        if run.cell.variant == "simd"
        else run
        for run in slow.runs
    )
    made = compared(side(night(path="a")), side(replace(slow, runs=runs)))
    shown = comment(made)
    assert shown.startswith(MARKER)
    assert outside_details(shown).count("| slower") == 2
    assert "| simd " in outside_details(shown)
    assert "| plain " not in outside_details(shown)
    assert "| plain " in shown


def test_a_comment_without_changes_says_so_first() -> None:
    shown = comment(compared(side(night(path="a")), side(night(path="b", seed=2))))
    assert "No cell became faster or slower" in outside_details(shown)


def test_a_model_whose_name_begins_like_a_verdict_has_not_changed() -> None:
    def named(of: ResultFolder) -> ResultFolder:
        runs = tuple(
            replace(run, cell=replace(run.cell, model=f"faster-{run.cell.model}"))
            for run in of.runs
        )
        cells = tuple(dict.fromkeys(run.cell for run in runs))
        return replace(of, runs=runs, session=replace(of.session, cells=cells))

    shown = comment(compared(side(named(night(path="a"))), side(named(night(path="b", seed=2)))))
    assert "No cell became faster or slower" in outside_details(shown)


@pytest.mark.parametrize("rows", [10, 3000])
def test_a_comment_fits_and_counts_what_it_left_out(rows: int) -> None:
    (table,) = compared(side(night(path="a")), side(night(1.3, path="b"))).tables
    long = replace(table, rows=table.rows[:1] * rows)
    shown = comment(Comparison((long,), slower=rows))
    assert len(shown) <= MOST_CHARACTERS
    kept = shown.count("| slower")
    assert (f"{rows - kept} rows left out" in shown) == (kept < rows)
    assert kept == rows or len(shown) > MOST_CHARACTERS * 0.95


def test_the_methods_are_told_from_the_session_alone() -> None:
    record = session((CHROMIUM,), blocks=10)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return times(SECONDS[cell.model, cell.variant] * (1 + block / 500))

    told = methods([folder(record, outcome_of)], include_virtual=False)
    for words in (
        "mobilenet_v2 and blazeface",
        "Chromium 156",
        "10 blocks",
        "seed 1",
        "Hodges-Lehmann",
        "95% intervals",
        "differences below 2.00 %",
        "edgebench 0.1.0",
        "TF.js 4.22.0",
    ):
        assert words in told, words
    assert "quick look" not in told


def test_a_quick_look_says_so_and_virtual_devices_are_not_told_of() -> None:
    told = methods([realistic()], include_virtual=False)
    assert "quick look" in told
    assert "virtual" not in told.lower()
