"""Results in a notebook: the tidy frame, and `harness.read` on a folder on disk."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_folders import CHROMIUM, failed, folder, realistic, run, session, skipped, times

import harness
from harness import store
from harness.errors import CompareError, StoreError
from harness.model import Cell, Measured, Measurement, Outcome, ResultFolder
from harness.report import tables
from harness.report.frame import COLUMNS, to_pandas
from harness.report.results import Results

ONE_WEB = session((CHROMIUM,), ("m",))


def written(path: Path, result: ResultFolder) -> Path:
    with store.create(path, result.session, "suite: quickstart\n") as writer:
        for one in result.runs:
            writer.append(one)
    return path


def test_a_row_per_run_and_measurement() -> None:
    result = realistic()
    frame = to_pandas([result])
    assert list(frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    expected = sum(
        len(one.outcome.measurements) if isinstance(one.outcome, Measured) else 1
        for one in result.runs
    )
    assert len(frame) == expected
    assert not frame.duplicated(["run_id", "target", "metric"]).any()


def test_the_frame_gives_the_numbers_of_the_table() -> None:
    result = realistic()
    frame = to_pandas([result])
    chosen = frame[(frame["metric"] == "latency_p50") & frame["latest"]]
    medians: Any = chosen.groupby(["model", "variant"])["value"].median().to_dict()
    (latency, *_) = tables.build([result])
    assert latency.columns[4].unit == "ms"
    shown = {(row[0], row[2]): row[4] for row in latency.rows}
    for place, value in medians.items():
        figure = shown.get(place)
        if figure is not None and not isinstance(figure, str):
            assert figure.value == pytest.approx(1e3 * value)


def test_runs_without_numbers_have_a_row_with_their_reason() -> None:
    outcomes: dict[str, Outcome] = {
        "plain": failed(),
        "simd": skipped(),
        "simd-2t": Measured((Measurement("latency_p50", "s", absent="below timer resolution"),)),
    }
    frame = to_pandas([folder(replace(ONE_WEB, blocks=1), lambda c, b: outcomes[c.variant])])
    assert frame["outcome"].tolist() == ["failed", "skipped", "measured"]
    assert frame["value"].isna().all()
    assert frame["error_class"].tolist()[:2] == ["timed-out", "target-not-found"]
    assert frame["absent"].tolist()[2] == "below timer resolution"


def test_facts_are_columns_and_samples_are_kept() -> None:
    samples = Measured((Measurement("samples", "s", samples=(0.1, 0.2), per="iteration"),))
    frame = to_pandas([ResultFolder("x", ONE_WEB, (run(ONE_WEB.cells[1], 1, samples),))])
    row = frame.iloc[0]
    assert row["samples"] == (0.1, 0.2)
    assert (row["setting.threads"], row["subject.tfjs"]) == (1, "4.22.0")
    assert row["conditions.cross_origin_isolated"]


def test_replaced_attempts_are_told_apart() -> None:
    cell = ONE_WEB.cells[0]
    runs = (run(cell, 1, failed(), attempt=1), run(cell, 1, times(0.1), attempt=2))
    frame = to_pandas([ResultFolder("x", ONE_WEB, runs)])
    assert frame.groupby("attempt")["latest"].first().to_dict() == {1: False, 2: True}


def test_an_empty_folder_is_an_empty_frame() -> None:
    frame = to_pandas([ResultFolder("x", ONE_WEB, ())])
    assert list(frame.columns) == list(COLUMNS)
    assert frame.empty


def test_read_opens_what_was_written(tmp_path: Path) -> None:
    result = realistic()
    results = harness.read(written(tmp_path / "suite" / "one", result))
    assert results.session == result.session
    assert results.runs == result.runs
    assert [t.name for t in results.tables()] == [t.name for t in tables.build([result])]
    assert len(results.to_pandas()) == len(to_pandas([result]))


def test_read_finds_the_folders_below_a_path(tmp_path: Path) -> None:
    for label in ("a", "b"):
        labelled = replace(ONE_WEB, label=label)
        written(tmp_path / label, folder(labelled, lambda cell, block: times(0.01)))
    results = harness.read(tmp_path)
    assert [one.label for one in results.sessions] == ["a", "b"]
    assert len(results.runs) == 36
    only = results.tables(lambda cell: cell == Cell("m", "fp32", "chromium", "simd"))
    assert len(only[0].rows) == 2
    with pytest.raises(CompareError, match="2 sessions"):
        _ = results.session


def test_read_of_no_result_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a result folder"):
        harness.read(tmp_path)


def test_importing_harness_or_its_tables_imports_no_heavy_library() -> None:
    program = (
        "import sys, harness, harness.report.tables, harness.report.results\n"
        "print([m for m in ('pandas', 'numpy', 'scipy', 'rich', 'tabulate') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_harness_knows_its_version() -> None:
    assert harness.__version__.count(".") == 2
    with pytest.raises(AttributeError):
        _ = harness.absent


def test_results_are_values() -> None:
    assert Results((realistic(),)) == Results((realistic(),))
