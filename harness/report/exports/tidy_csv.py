"""Tidy CSV: a line per run and measurement, every variable a column, what a notebook begins with.

Times are in seconds and memory in bytes. A run without a number has a line that says why. A text
that a spreadsheet would run as a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from harness.model import Failed, Measured, RunResult
from harness.report.exports.cells import Exported
from harness.table_text.visible import inert

COLUMNS = (
    "suite",
    "label",
    "begun_utc",
    "model",
    "file",
    "target",
    "variant",
    "virtual",
    "bench",
    "pass",
    "run_id",
    "block",
    "attempt",
    "outcome",
    "why",
    "metric",
    "unit",
    "per",
    "number",
    "value",
    "absent",
)


def render(cells: Sequence[Exported]) -> str:
    """Return the runs that count of these cells; samples are numbered from 1, values are not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in cells:
        for one_pass in each.cell.passes.values():
            for run in one_pass.runs:
                common = _common(each, run)
                writer.writerows((*common, *measured) for measured in _measured(run))
    return text.getvalue()


def _common(each: Exported, run: RunResult) -> tuple[str, ...]:
    session, cell = each.cell.session, run.cell
    outcome, why = _outcome(run)
    texts = (session.suite, session.label, session.started_utc)
    names = (cell.model, cell.file, cell.target, cell.variant)
    virtual = "true" if each.cell.virtual else "false"
    return (
        *map(inert, (*texts, *names)),
        virtual,
        inert(run.bench),
        run.pass_,
        inert(run.run_id),
        str(run.block),
        str(run.attempt),
        outcome,
        inert(why),
    )


def _outcome(run: RunResult) -> tuple[str, str]:
    if isinstance(run.outcome, Measured):
        return "measured", ""
    failure = run.outcome.failure
    word = "failed" if isinstance(run.outcome, Failed) else "skipped"
    return word, f"{failure.kind}: {failure.message}"


def _measured(run: RunResult) -> Iterator[tuple[str, ...]]:
    if not isinstance(run.outcome, Measured) or not run.outcome.measurements:
        yield ("", "", "", "", "", "")
        return
    for each in run.outcome.measurements:
        named = (inert(each.metric), inert(each.unit), each.per)
        for number, sample in enumerate(each.samples, start=1):
            yield (*named, str(number), repr(sample), "")
        if not each.samples:
            value = "" if each.value is None else repr(each.value)
            yield (*named, "", value, inert(each.absent))
