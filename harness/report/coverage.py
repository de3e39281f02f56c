"""The coverage table: what failed, was skipped or never ran, why, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model import Column, Failed, Failure, Measured, RunResult, Skipped, Table, TableValue
from harness.report import notes
from harness.report.layout import called, section_of
from harness.report.marks import marked_runs
from harness.report.outcome_words import outcome_word, why
from harness.report.summary import CellSummary, PassSummary


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why runs of one target gave no numbers."""

    session: str
    target: str
    outcome: str
    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Gap:
    """Runs of one pass of one cell that gave no numbers for one reason."""

    cell: CellSummary
    pass_: str
    runs: int
    planned: int


def coverage_table(cells: Sequence[CellSummary]) -> Table:
    """Return a row per reason and target; without any, a note that all was measured."""
    gaps: dict[_Reason, list[_Gap]] = {}
    for cell in cells:
        for name, one_pass in cell.passes.items():
            for reason, runs in _gaps(cell, one_pass):
                planned = max(one_pass.planned, len(one_pass.runs))
                gaps.setdefault(reason, []).append(_Gap(cell, name, runs, planned))
    several = len({cell.session_name for cell in cells}) > 1
    return Table(
        name="coverage",
        title="Coverage: what was not measured",
        columns=(
            *((Column("session", "session"),) if several else ()),
            Column("target", "target"),
            Column("cells", "cells"),
            Column("runs", "runs"),
            Column("outcome", "outcome"),
            Column("reason", "why"),
            Column("next_step", "next step"),
        ),
        rows=tuple(_row(reason, own, cells, several=several) for reason, own in gaps.items()),
        notes=(_verdict(cells, complete=not gaps), *marked_runs(cells), *notes.provenance(cells)),
        section=section_of(cells),
    )


def _verdict(cells: Sequence[CellSummary], *, complete: bool) -> str:
    latency = sum(len(cell.latency.measured) for cell in cells)
    memory = sum(len(cell.memory.measured) for cell in cells)
    runs = f"{latency} latency and {memory} memory runs"
    if complete:
        return f"All {len(cells)} cells measured: {runs}."
    with_time = sum(cell.time is not None for cell in cells)
    return f"{with_time} of {len(cells)} cells have a latency; measured: {runs}."


def _gaps(cell: CellSummary, one_pass: PassSummary) -> Iterable[tuple[_Reason, int]]:
    by_kind: dict[tuple[str, str], list[RunResult]] = {}
    for run in one_pass.troubled:
        outcome = run.outcome
        assert isinstance(outcome, Failed | Skipped)
        expected = isinstance(outcome, Skipped) and outcome.expected
        word = "skipped, as expected" if expected else outcome_word(outcome)
        by_kind.setdefault((word, outcome.failure.kind), []).append(run)
    for (word, kind), runs in by_kind.items():
        # Runs of one kind may differ in a detail; the commonest words stand for them.
        failures = Counter(
            run.outcome.failure for run in runs if not isinstance(run.outcome, Measured)
        )
        failure = failures.most_common(1)[0][0]
        yield (
            _Reason(cell.session_name, cell.cell.target, word, kind, failure.message, failure.hint),
            len(runs),
        )
    if one_pass.missing:
        hint = f"make the missing runs: edgebench run SUITE --resume {cell.path}"
        reason = _Reason(
            cell.session_name,
            cell.cell.target,
            "not run",
            "interrupted",
            "the session ended before these runs",
            hint,
        )
        yield reason, one_pass.missing
    if cell.time_absent and one_pass is cell.latency:
        reason = _Reason(
            cell.session_name,
            cell.cell.target,
            "no value",
            "",
            cell.time_absent,
            _after(cell.time_absent),
        )
        yield reason, len(one_pass.measured)


def _after(time_absent: str) -> str:
    if time_absent.startswith("below timer resolution"):
        return "give it more work per inference, or a page, which times batches"
    return "see what the runs said in raw/, under the result folder"


def _row(
    reason: _Reason, gaps: Sequence[_Gap], cells: Sequence[CellSummary], *, several: bool
) -> tuple[TableValue, ...]:
    every = [
        cell
        for cell in cells
        if cell.session_name == reason.session and cell.cell.target == reason.target
    ]
    touched = list({gap.cell.cell: gap.cell for gap in gaps}.values())
    if len(touched) == len(every) > 1:
        names = f"all {len(every)}"
    else:
        names = ", ".join(f"{called(cell, every)} {cell.cell.variant}" for cell in touched)
    told = why(Failure(reason.kind, reason.message, reason.hint))
    return (
        *((reason.session,) if several else ()),
        reason.target,
        names,
        _runs(gaps),
        reason.outcome,
        told,
        reason.hint,
    )


def _runs(gaps: Sequence[_Gap]) -> str:
    parts = []
    for name in dict.fromkeys(gap.pass_ for gap in gaps):
        own = [gap for gap in gaps if gap.pass_ == name]
        parts.append(f"{sum(g.runs for g in own)} of {sum(g.planned for g in own)} {name}")
    return ", ".join(parts)
