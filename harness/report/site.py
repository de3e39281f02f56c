"""The page that `edgebench publish` writes: all tables of result folders, and memory maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.counted import counted
from harness.memory_plan import kept_tensors
from harness.model import Column, Figure, ResultFolder, Table
from harness.plugins import registry
from harness.report import tables
from harness.report.memory_maps import PlannedFile, memory_maps
from harness.report.operators import profiled_tables
from harness.report.pictures.all_pictures import pictures
from harness.report.published import published_folders, published_table, without_paths
from harness.report.summary import summarise

GENERATOR = "edgebench publish"
"""What the page says of its origin; only a folder with such a page is written over."""


@dataclass(frozen=True, slots=True)
class FolderToPublish:
    """A result folder as it was read, and its kept tensors by the sha256 of the model's file."""

    results: ResultFolder
    tensors: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """The one HTML page, and its pictures as SVG documents by name."""

    page: str
    pictures: Mapping[str, str]


def site(folders: Sequence[FolderToPublish]) -> Site:
    """Return a page that needs nothing else, and its pictures; no text has a path of a machine.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
        StoreError: kept tensors are damaged.
    """
    results = published_folders([each.results for each in folders])
    maps = memory_maps([file for each in folders for file in _planned_files(each)])
    measured = [*tables.build(results), *(t for one in results for t in profiled_tables([one]))]
    drawn = pictures(results)
    svgs = {each.table.name: each.svg for each in drawn}
    measured += [each.table for each in drawn]
    # Operators too stand with those of their kind: real ones first, then virtual ones.
    measured.sort(key=lambda table: bool(table.section))
    found = (_sessions(results), *measured, *maps.tables)
    suites = ", ".join(dict.fromkeys(each.session.suite for each in results))
    shown: str = (
        registry("formats")
        .get("html")
        .render_page(
            [published_table(table) for table in found],
            title=without_paths(f"Benchmark results: {suites}"),
            drawings={**maps.drawings, **svgs},
            generator=GENERATOR,
        )
    )
    return Site(shown, svgs)


def markdown(folders: Sequence[ResultFolder], *, include_virtual: bool) -> str:
    """Return the tables as Markdown, for a file of somebody's; raises as `site`.

    Cells of virtual devices are left out, and counted, unless they are included.
    """
    results = published_folders(folders)
    virtual = {cell.cell for cell in summarise(results) if cell.virtual}
    left_out = set() if include_virtual else virtual
    built = tables.build(results, lambda cell: cell not in left_out)
    shown: str = registry("formats").get("markdown").render([published_table(t) for t in built])
    if left_out:
        shown += f"\n{counted(len(left_out), 'cell')} of virtual devices left out.\n"
    return shown


def _planned_files(folder: FolderToPublish) -> Iterator[PlannedFile]:
    for name, facts in folder.results.session.models.items():
        digest = str(facts.get("tflite_sha256"))
        data = folder.tensors.get(digest)
        where = f"{folder.results.path}/memory/{digest}.json"
        title = without_paths(name)
        kept = None if data is None else kept_tensors.from_bytes(data, title=title, where=where)
        yield PlannedFile(name, facts, kept)


def _sessions(folders: Sequence[ResultFolder]) -> Table:
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
    )
    rows = tuple(
        (
            each.path,
            each.session.suite,
            each.session.started_utc[:16].replace("T", " "),
            each.session.label,
            _text(each.session.host.get("os")),
            _text(each.session.host.get("cpu_model")),
            Figure(each.session.blocks, str(each.session.blocks)),
            Figure(len(each.runs), str(len(each.runs))),
            _version(each),
        )
        for each in folders
    )
    return Table("sessions", "Sessions", columns, rows)


def _version(folder: ResultFolder) -> str:
    facts = folder.session.harness
    commit = str(facts.get("commit") or "")[:10]
    changed = ", changed" if facts.get("dirty") else ""
    return f"{facts.get('version')}" + (f" ({commit}{changed})" if commit else "")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
