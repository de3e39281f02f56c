"""What a reader must know of a cell before believing its number, in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.counted import counted
from harness.disturbances import DISTURBED
from harness.model import Cell, Column, Failed, Pass, RunResult, Table, TableValue
from harness.report.cell_ratios import verdict_of
from harness.report.site.published_results import PublishedResults, key_of
from harness.report.summary import CellSummary, PassSummary
from harness.store.marks import MARKED_INVALID

_COLUMN = Column("standing", "standing")
_WORDS = (
    "invalid",
    "failed",
    "skipped",
    "missing",
    "stale",
    "hot",
    "noisy",
    "disturbed",
    "virtual",
)


def standings(
    cell: CellSummary, stale_since: Mapping[tuple[str, Cell], str], only: Pass | None = None
) -> dict[str, str]:
    """Return what holds of a cell by the word for it, the gravest first; nothing if all is well.

    `only` is the pass whose runs are told of; without it, all are.
    """
    passes = [each for name, each in cell.passes.items() if only in {None, name}]
    found = dict(_found(cell, passes, stale_since.get(key_of(cell), "")))
    return {word: found[word] for word in _WORDS if word in found}


def with_standing(
    table: Table, origins: Sequence[Sequence[CellSummary]], of: PublishedResults, only: Pass
) -> Table:
    """Return a table of a row per cell with a last column of what holds of each in this pass."""
    values = [_value(cells, of, only) for cells in origins]
    if not any(values):
        return table
    rows = tuple((*row, value) for row, value in zip(table.rows, values, strict=True))
    return replace(table, columns=(*table.columns, _COLUMN), rows=rows)


def _value(cells: Sequence[CellSummary], of: PublishedResults, only: Pass) -> TableValue:
    said = dict.fromkeys(
        text for cell in cells for text in standings(cell, of.stale_since, only).values()
    )
    return "; ".join(said) or None


def _found(
    cell: CellSummary, passes: Sequence[PassSummary], stale_since: str
) -> Iterator[tuple[str, str]]:
    if stale_since:
        yield "stale", f"stale: of {stale_since[:10]}, the newest folder does not have it"
    if cell.virtual:
        yield "virtual", "virtual device, not a phone"
    yield from _troubles(passes)
    yield from _marks(passes)


def _troubles(passes: Sequence[PassSummary]) -> Iterator[tuple[str, str]]:
    for word, runs in _by_word([run for each in passes for run in each.troubled]).items():
        yield word, f"{word}: {counted(len(runs), 'run')} ({_kinds(runs)})"
    missing = sum(each.missing for each in passes)
    if missing:
        yield "missing", f"missing: {counted(missing, 'run')}"


def _by_word(runs: Sequence[RunResult]) -> dict[str, list[RunResult]]:
    found: dict[str, list[RunResult]] = {}
    for run in runs:
        found.setdefault(_word(run), []).append(run)
    return found


def _word(run: RunResult) -> str:
    if not isinstance(run.outcome, Failed):
        return "skipped"
    return "invalid" if run.outcome.failure.kind == MARKED_INVALID else "failed"


def _kinds(runs: Sequence[RunResult]) -> str:
    kinds: dict[str, None] = {}
    for run in runs:
        failure = getattr(run.outcome, "failure", None)
        if failure is not None:
            kinds[failure.message if failure.kind == MARKED_INVALID else failure.kind] = None
    return ", ".join(kinds)


def _marks(passes: Sequence[PassSummary]) -> Iterator[tuple[str, str]]:
    measured = [run for each in passes for run in each.measured]
    for word, verdict in (("hot", "throttled"), ("noisy", "noisy")):
        number = sum(verdict_of(run) == verdict for run in measured)
        if number:
            yield word, f"{word}: {number} of {counted(len(measured), 'run')}"
    counting = sum(run.conditions.get(DISTURBED) is True for run in measured)
    aside = sum(len(each.left_out) for each in passes)
    parts = [
        f"{counted(counting, 'run')} of {len(measured)} count" if counting else "",
        f"{aside} left out" if aside else "",
    ]
    if counting or aside:
        yield "disturbed", f"disturbed: {', '.join(filter(None, parts))}"
