"""What a reader must know of a cell before believing its number, in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.counted import counted
from harness.disturbances import DISTURBED
from harness.model import Cell, Column, Failed, RunResult, Table, TableValue
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


def standings(cell: CellSummary, stale_since: Mapping[tuple[str, Cell], str]) -> dict[str, str]:
    """Return what holds of a cell by the word for it, the gravest first; nothing if all is well."""
    found = dict(_found(cell, stale_since.get(key_of(cell), "")))
    return {word: found[word] for word in _WORDS if word in found}


def with_standing(
    table: Table, origins: Sequence[Sequence[CellSummary]], of: PublishedResults
) -> Table:
    """Return a table of a row per cell with a last column of what holds of each."""
    values = [_value(cells, of) for cells in origins]
    if not any(values):
        return table
    rows = tuple((*row, value) for row, value in zip(table.rows, values, strict=True))
    return Table(
        table.name, table.title, (*table.columns, _COLUMN), rows, table.notes, table.section
    )


def _value(cells: Sequence[CellSummary], of: PublishedResults) -> TableValue:
    said = dict.fromkeys(
        text for cell in cells for text in standings(cell, of.stale_since).values()
    )
    return "; ".join(said) or None


def _found(cell: CellSummary, stale_since: str) -> Iterator[tuple[str, str]]:
    if stale_since:
        yield "stale", f"stale: of {stale_since[:10]}, the newest folder does not have it"
    if cell.virtual:
        yield "virtual", "virtual device, not a phone"
    yield from _troubles(cell)
    yield from _marks(cell)


def _troubles(cell: CellSummary) -> Iterator[tuple[str, str]]:
    passes = cell.passes.values()
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


def _marks(cell: CellSummary) -> Iterator[tuple[str, str]]:
    passes = list(cell.passes.values())
    measured = [run for each in passes for run in each.measured]
    for word, verdict in (("hot", "throttled"), ("noisy", "noisy")):
        number = sum(verdict_of(run) == verdict for run in measured)
        if number:
            yield word, f"{word}: {number} of {counted(len(measured), 'run')}"
    disturbed = _disturbed(cell.latency)
    if disturbed:
        yield "disturbed", f"disturbed: {disturbed}"


def _disturbed(latency: PassSummary) -> str:
    counting = sum(run.conditions.get(DISTURBED) is True for run in latency.measured)
    parts = [
        f"{counted(counting, 'run')} of {len(latency.measured)} count" if counting else "",
        f"{len(latency.left_out)} left out" if latency.left_out else "",
    ]
    return ", ".join(filter(None, parts))
