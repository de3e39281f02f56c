"""The entry page of a site: all tables, with what is behind each number one link away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.counted import counted
from harness.model import Column, Figure, Pass, ResultFolder, Table
from harness.pages.document import document, escaped
from harness.pages.tables import RowLooks, Shown, tables_body
from harness.report import tables
from harness.report.layout import section_of
from harness.report.memory_maps import MemoryMaps
from harness.report.operators import profiled_tables
from harness.report.pictures.canvas import Picture
from harness.report.sampling import blocks_asked
from harness.report.site.addresses import Addresses
from harness.report.site.baselines import over_every_variant
from harness.report.site.coverage_matrix import coverage_matrix
from harness.report.site.history_pages import history_table
from harness.report.site.page_files import GENERATOR
from harness.report.site.published_results import (
    FolderToPublish,
    PublishedResults,
    key_of,
)
from harness.report.site.row_origins import Origins
from harness.report.site.series import Courses
from harness.report.site.standings import standings, with_standing
from harness.report.summary import CellSummary
from harness.table_text.visible import visible

_SESSIONS_AT_ONCE = 5
_WITH_STANDING = frozenset({"latency", "cold_start", "memory"})


@dataclass(frozen=True, slots=True)
class EntryParts:
    """What an entry page is made of beside the results: pictures, memory maps and courses.

    `without_raw` counts runs whose raw files are gone.
    """

    pictures: Sequence[Picture]
    maps: MemoryMaps
    courses: Courses
    without_raw: int = 0


def entry_page(of: PublishedResults, addresses: Addresses, parts: EntryParts) -> str:
    """Return the entry page.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    origins = Origins(of.shown)
    linked = [_linked(table, svg, origins, of, addresses) for table, svg in _measured(of, parts)]
    planned = [
        Shown(of.scrubber.table(table), drawing=parts.maps.drawings.get(table.name, ""))
        for table in parts.maps.tables
    ]
    shown = [
        _sessions(of, addresses),
        *(each for each in linked if not each.table.section),
        *_history(of, parts, virtual=False),
        *(each for each in linked if each.table.section),
        *_history(of, parts, virtual=True),
        *planned,
    ]
    over = over_every_variant(of.shown)
    title = f"Benchmark results: {', '.join(of.suites)}"
    return document(
        of.scrubber.text(title),
        [
            *_at_a_glance(of, parts.without_raw),
            *tables_body(shown, after_contents=_controls(of.shown)),
        ],
        generator=GENERATOR,
        scripted=True,
        data={"ratios": over},
    )


def _measured(of: PublishedResults, parts: EntryParts) -> Iterator[tuple[Table, str]]:
    for table in tables.of_cells(of.shown):
        if table.name == "coverage":
            own = [cell for cell in of.shown if cell.virtual == bool(table.section)]
            yield coverage_matrix(own), ""
        yield table, ""
    paths = {cell.path for cell in of.shown}
    cells = {(cell.path, cell.cell) for cell in of.shown}
    for folder in of.results:
        if folder.path in paths:
            runs = tuple(run for run in folder.runs if (folder.path, run.cell) in cells)
            for table in profiled_tables([replace(folder, runs=runs)]):
                yield table, ""
    for picture in parts.pictures:
        yield picture.table, picture.svg


def _history(of: PublishedResults, parts: EntryParts, *, virtual: bool) -> list[Shown]:
    cells = [cell for cell in of.shown if cell.virtual == virtual]
    found = (parts.courses.get(key_of(cell)) for cell in cells)
    courses = {course.name: course for course in found if course}
    table = history_table(list(courses.values()), section_of(cells), of.scrubber)
    return [table] if table else []


def _linked(
    table: Table, drawing: str, origins: Origins, of: PublishedResults, addresses: Addresses
) -> Shown:
    def page_of(cell: CellSummary) -> str:
        return addresses.cell(cell.path, cell.cell)

    found = origins.of(table)
    looks = [RowLooks(origins.links(each, table, page_of), _data(each.cells)) for each in found]
    if table.name == "latency":
        place = {id(cell): str(number) for number, cell in enumerate(of.shown)}
        looks = [
            replace(row, data={**row.data, "row": place[id(each.cells[0])]})
            for row, each in zip(looks, found, strict=True)
        ]
    if table.name in _WITH_STANDING:
        only: Pass = "memory" if table.name == "memory" else "latency"
        table = with_standing(table, [each.cells for each in found], of, only)
    interactive = not drawing and bool(table.rows)
    return Shown(of.scrubber.table(table), tuple(looks), drawing, interactive)


def _data(cells: Sequence[CellSummary]) -> dict[str, str]:
    if not cells:
        return {}
    own = cells[0].cell
    told = {"model": own.model, "target": own.target}
    return told | ({"variant": own.variant} if len(cells) == 1 else {})


def _sessions(of: PublishedResults, addresses: Addresses) -> Shown:
    gated = any(folder.gate for folder in of.folders)
    columns = (
        Column("folder", "folder"),
        Column("suite", "suite"),
        Column("begun", "begun (UTC)"),
        Column("label", "machine"),
        Column("system", "system"),
        Column("cpu", "CPU"),
        Column("blocks", "blocks", align="right"),
        Column("runs", "runs", align="right"),
        Column("edgebench", "edgebench"),
        *((Column("gate", "gate"),) if gated else ()),
    )
    rows = tuple(
        (*_session_row(each.results), *((_gate(each),) if gated else ())) for each in of.folders
    )
    looks = tuple(RowLooks({"": addresses.session(folder.path)}) for folder in of.results)
    table = of.scrubber.table(Table("sessions", "Sessions", columns, rows))
    return Shown(table, looks, folded=len(rows) > _SESSIONS_AT_ONCE)


def _gate(folder: FolderToPublish) -> str | None:
    return None if folder.gate is None else "green" if folder.gate.green else "red"


def _session_row(folder: ResultFolder) -> tuple[str | Figure | None, ...]:
    session = folder.session
    return (
        folder.path,
        session.suite,
        session.started_utc[:16].replace("T", " "),
        session.label,
        _text(session.host.get("os")),
        _text(session.host.get("cpu_model")),
        Figure(session.blocks, blocks_asked(session)),
        Figure(len(folder.runs), str(len(folder.runs))),
        _version(folder),
    )


def _version(folder: ResultFolder) -> str:
    facts = folder.session.harness
    commit = str(facts.get("commit") or "")[:10]
    changed = ", changed" if facts.get("dirty") else ""
    return f"{facts.get('version')}" + (f" ({commit}{changed})" if commit else "")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _at_a_glance(of: PublishedResults, without_raw: int) -> Iterator[str]:
    """Say in a few lines what there is, and what a reader must not overlook."""
    timed = sum(cell.time is not None for cell in of.shown)
    yield f'<p class="lead">{timed} of {counted(len(of.shown), "cell")} have a latency.'
    marks = Counter(word for cell in of.shown for word in standings(cell, of.stale_since))
    if marks:
        told = ", ".join(f"{number} {word}" for word, number in marks.items())
        yield f" Cells to look at twice: {escaped(told)}; each says so in its row."
    if of.virtual_left_out:
        yield (
            f" {counted(of.virtual_left_out, 'cell')} of virtual devices left out: they are the "
            "host they ran on, not a phone."
        )
    if without_raw:
        yield f" {counted(without_raw, 'run')} lost their raw files: nobody can check them."
    yield " Every number leads to its runs, and each run to what it said itself.</p>"


def _controls(cells: Sequence[CellSummary]) -> Iterator[str]:
    if not cells:
        return
    variants = dict.fromkeys(visible(cell.cell.variant) for cell in cells)
    yield '<div class="controls" id="controls" role="search" aria-label="Tables" hidden>'
    yield '<label>find <input type="search" id="find" autocomplete="off"></label>'
    yield _select("model", "model", "all", dict.fromkeys(visible(c.cell.model) for c in cells))
    yield _select("target", "target", "all", dict.fromkeys(visible(c.cell.target) for c in cells))
    yield _select("baseline", "baseline", "as the suite has it", variants)
    yield '<button type="button" id="reset">reset</button>'
    yield '<p><output id="count"></output> <span id="over" aria-live="polite"></span></p></div>'


def _select(place: str, label: str, every: str, values: Mapping[str, None]) -> str:
    options = "".join(
        f'<option value="{escaped(value)}">{escaped(value)}</option>' for value in values
    )
    return (
        f'<label>{label} <select id="{place}"><option value="">{every}</option>{options}'
        "</select></label>"
    )
