"""What used a model, a tool or a reader, as tables: runs, verdicts of gates, published tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.counted import counted
from harness.model import Cell, Column, Figure, Measured, RunResult, Table, TableValue
from harness.report.outcome_words import in_a_row
from harness.store.gate_record import Judgement

_Row: TypeAlias = tuple[TableValue, ...]


@dataclass(frozen=True, slots=True)
class Using:
    """A run as it counts now, and as what it used the thing: `model`, `tool`, `reader`, …."""

    run: RunResult
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A page or file that shows the folder; `command` publishes it again."""

    place: str
    published_utc: str
    standing: str
    command: str


@dataclass(frozen=True, slots=True)
class Concerned:
    """What one result folder has to do with the thing; `marked` is why it is invalid, or ''."""

    folder: str
    begun_utc: str
    runs: tuple[Using, ...]
    decided_utc: str
    verdicts: tuple[Judgement, ...]
    published: tuple[PublishedTable, ...]
    marked: str


def impact_tables(name: str, concerned: Sequence[Concerned], *, each_run: bool) -> list[Table]:
    """Return the tables of what used `name`: a row per cell, or per run, per verdict, per page."""
    runs = [using for one in concerned for using in one.runs]
    found = f"{counted(len(runs), 'run')} of {counted(len(concerned), 'result folder')}"
    table = _each_run(concerned) if each_run else _by_cell(concerned)
    verdicts, pages = _verdicts(concerned), _published(concerned)
    notes = [f"{name} was used by {found}."]
    if not verdicts.rows:
        notes.append("No verdict of a gate rests on them.")
    if not pages.rows:
        notes.append("No published table of these folders is noted.")
    first = Table(table.name, f"What used {name}", table.columns, table.rows, tuple(notes))
    return [first, *(other for other in (verdicts, pages) if other.rows)]


def _by_cell(concerned: Sequence[Concerned]) -> Table:
    columns = (
        Column("folder", "folder"),
        Column("begun", "begun (UTC)"),
        Column("cell", "cell"),
        Column("used_as", "used as"),
        Column("runs", "runs", align="right"),
        Column("measured", "measured", align="right"),
        Column("standing", "standing"),
    )
    return Table("impact_runs", "", columns, tuple(_cell_rows(concerned)))


def _cell_rows(concerned: Iterable[Concerned]) -> Iterator[_Row]:
    for one in concerned:
        cells: dict[Cell, list[Using]] = {}
        for using in one.runs:
            cells.setdefault(using.run.cell, []).append(using)
        for cell, own in cells.items():
            measured = [using for using in own if isinstance(using.run.outcome, Measured)]
            yield (
                one.folder,
                _minute(one.begun_utc),
                cell.label,
                ", ".join(dict.fromkeys(role for using in own for role in using.roles)),
                _count(len(own)),
                _count(len(measured)),
                _standing(own),
            )


def _each_run(concerned: Iterable[Concerned]) -> Table:
    columns = (
        Column("folder", "folder"),
        Column("run", "run"),
        Column("pass", "pass"),
        Column("cell", "cell"),
        Column("used_as", "used as"),
        Column("standing", "standing"),
    )
    rows = tuple(
        (
            one.folder,
            using.run.run_id,
            using.run.pass_,
            using.run.cell.label,
            ", ".join(using.roles),
            _standing([using]),
        )
        for one in concerned
        for using in one.runs
    )
    return Table("impact_runs", "", columns, rows)


def _standing(own: Iterable[Using]) -> str:
    told = []
    for using in own:
        outcome = using.run.outcome
        told.append("counts" if isinstance(outcome, Measured) else in_a_row(outcome))
    return "; ".join(dict.fromkeys(told))


def _verdicts(concerned: Iterable[Concerned]) -> Table:
    columns = (
        Column("folder", "folder"),
        Column("decided", "decided (UTC)"),
        Column("cell", "cell"),
        Column("what", "what"),
        Column("verdict", "verdict"),
        Column("standing", "standing"),
    )
    rows = tuple(
        (
            one.folder,
            _minute(one.decided_utc),
            verdict.cell.label,
            verdict.what,
            verdict.verdict,
            f"invalid: {one.marked}" if one.marked else "stands",
        )
        for one in concerned
        for verdict in one.verdicts
    )
    return Table("impact_verdicts", "Verdicts that rest on it", columns, rows)


def _published(concerned: Iterable[Concerned]) -> Table:
    columns = (
        Column("place", "published at"),
        Column("published", "on (UTC)"),
        Column("folders", "folders"),
        Column("standing", "standing"),
        Column("command", "publish again"),
    )
    pages: dict[str, list[tuple[str, PublishedTable]]] = {}
    for one in concerned:
        for page in one.published:
            pages.setdefault(page.place, []).append((one.folder, page))
    rows = tuple(
        (
            place,
            _minute(max(page.published_utc for _, page in shown)),
            ", ".join(folder for folder, _ in shown),
            "; ".join(dict.fromkeys(_each(shown, lambda page: page.standing))),
            "; ".join(dict.fromkeys(_each(shown, lambda page: page.command))),
        )
        for place, shown in pages.items()
    )
    return Table("impact_published", "Published tables that show it", columns, rows)


def _each(
    shown: Iterable[tuple[str, PublishedTable]], text_of: Callable[[PublishedTable], str]
) -> Iterator[str]:
    return (text_of(page) for _, page in shown)


def _minute(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _count(number: int) -> Figure:
    return Figure(number, str(number))
