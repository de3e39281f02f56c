"""Tidy CSV: a line per run and measurement, read back whole, and no name is run as a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import CHROMIUM, failed, folder, realistic, run, session, times

from harness.model import Cell, Measured, Measurement, Outcome
from harness.report.exports import tidy_csv
from harness.report.exports.cells import exported

FORMULAS = st.builds(
    lambda space, sign, rest: space + sign + rest,
    st.text(" \t\r\n\u00a0", max_size=2),
    st.sampled_from("=+-@＝＋－＠"),
    st.text(max_size=8),
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_run_and_measurement_is_a_line_with_its_exact_value() -> None:
    results = realistic()
    lines = read(tidy_csv.render(exported([results], include_virtual=True)))
    measured = [
        (each.run_id, m.metric, m.value)
        for each in results.runs
        if isinstance(each.outcome, Measured)
        for m in each.outcome.measurements
    ]
    found = [(x["run_id"], x["metric"], float(x["value"])) for x in lines if x["metric"]]
    assert sorted(found) == sorted(measured)


def test_a_run_without_a_number_has_a_line_that_says_why() -> None:
    lines = read(tidy_csv.render(exported([realistic()], include_virtual=True)))
    without = [line for line in lines if not line["metric"]]
    assert {line["outcome"] for line in without} == {"failed"}
    assert any(line["why"].startswith("variant-mismatch: threads asked 2") for line in without)


def test_samples_are_numbered_lines_of_their_own() -> None:
    record = session((CHROMIUM,), ("m",), blocks=1)
    sampled = Measured((Measurement("samples", "s", samples=(0.1, 0.2), per="iteration"),))
    one = folder(record, lambda cell, block: None)
    runs = (run(record.cells[0], 1, sampled),)
    lines = read(tidy_csv.render(exported([replace(one, runs=runs)], include_virtual=True)))
    kept = [line for line in lines if line["metric"]]
    assert [(line["number"], line["value"], line["per"]) for line in kept] == [
        ("1", "0.1", "iteration"),
        ("2", "0.2", "iteration"),
    ]


@given(FORMULAS)
@settings(deadline=None)
def test_no_name_is_run_as_a_formula_by_a_spreadsheet(name: str) -> None:
    target = replace(CHROMIUM, name=name, variants=("plain",), ratios=())
    record = session((target,), (name,), blocks=1, suite=name, label=name)

    def outcome_of(cell: Cell, block: int) -> Outcome:
        return failed(name, name)

    shown = tidy_csv.render(exported([folder(record, outcome_of)], include_virtual=True))
    for line in csv.reader(io.StringIO(shown, newline="")):
        assert len(line) == len(tidy_csv.COLUMNS)
        assert not any(value.lstrip().startswith(tuple("=+-@＝＋－＠")) for value in line)


def test_a_notebook_reads_it_at_once() -> None:
    record = session((CHROMIUM,), ("m",), blocks=2)
    one = folder(record, lambda cell, block: times(0.01))
    frame = pd.read_csv(io.StringIO(tidy_csv.render(exported([one], include_virtual=True))))
    p50 = frame[frame["metric"] == "latency_p50"]
    assert len(p50) == 6
    assert p50["value"].tolist() == pytest.approx([0.01] * 6)
    assert p50["unit"].unique().tolist() == ["s"]
