"""What is published of result folders: which cells stand in the tables, and which do not.

Of cells that one suite measured on one machine in several folders, the newest stands in the
tables; the earlier ones are its history. A cell that the newest folder does not have is stale.
Cells of virtual devices are counted, and left out unless they are included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.model import Cell, ResultFolder, RunResult
from harness.report.published import published_folders
from harness.report.scrubbing import Scrubber
from harness.report.summary import CellSummary, summarise
from harness.store.gate_record import GateRecord

ReadRaw: TypeAlias = Callable[[RunResult], "Raw"]


@dataclass(frozen=True, slots=True)
class Raw:
    """What a run left, by name of file; `absent` says why there is nothing."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    absent: str = "This run left no files."


def no_raw(_run: RunResult) -> Raw:
    """Say that a run left nothing."""
    return Raw()


@dataclass(frozen=True, slots=True)
class FolderToPublish:
    """A result folder as it was read, and what else is published of it.

    `tensors` are kept ones by the sha256 of the model's file, `raw` gives a run's files, `gate`
    is what a gate decided on it, and `digests` are the sha256 of its own files by their names.
    """

    results: ResultFolder
    tensors: Mapping[str, bytes] = field(default_factory=dict)
    raw: ReadRaw = no_raw
    gate: GateRecord | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishedResults:
    """Folders with published paths, and their cells: all, those of the tables, and the counts.

    `stale_since` is when a cell was measured that the newest folder of its suite does not have, by
    `key_of` the cell.
    """

    folders: tuple[FolderToPublish, ...]
    cells: tuple[CellSummary, ...]
    shown: tuple[CellSummary, ...]
    stale_since: Mapping[tuple[str, Cell], str]
    virtual_left_out: int
    scrubber: Scrubber = field(default_factory=Scrubber)

    @property
    def suites(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.results.session.suite for each in self.folders))

    @property
    def results(self) -> list[ResultFolder]:
        return [each.results for each in self.folders]


def key_of(cell: CellSummary) -> tuple[str, Cell]:
    """Return what tells a cell of a folder from all others: the folder's path, and the cell."""
    return (cell.path, cell.cell)


def publish_results(
    folders: Sequence[FolderToPublish],
    *,
    include_virtual: bool,
    scrubber: Scrubber,
) -> PublishedResults:
    """Choose what is published of these folders.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    paths = published_folders([each.results for each in folders])
    named = tuple(
        FolderToPublish(results, each.tensors, each.raw, each.gate, each.digests)
        for results, each in zip(paths, folders, strict=True)
    )
    every = summarise([each.results for each in named])
    cells = [cell for cell in every if include_virtual or not cell.virtual]
    newest: dict[tuple[str, ...], CellSummary] = {}
    nights: dict[tuple[str, str], str] = {}
    for cell in cells:
        same = (*_series(cell), *_names(cell.cell))
        if same not in newest or _begun(cell) >= _begun(newest[same]):
            newest[same] = cell
        nights[_series(cell)] = max(nights.get(_series(cell), ""), _begun(cell))
    kept = {key_of(cell) for cell in newest.values()}
    shown = tuple(cell for cell in cells if key_of(cell) in kept)
    return PublishedResults(
        folders=named,
        cells=tuple(cells),
        shown=shown,
        stale_since={
            key_of(cell): _begun(cell) for cell in shown if _begun(cell) < nights[_series(cell)]
        },
        virtual_left_out=len(every) - len(cells),
        scrubber=scrubber,
    )


def _series(cell: CellSummary) -> tuple[str, str]:
    return (cell.session.suite, cell.session.label)


def _names(cell: Cell) -> tuple[str, str, str, str]:
    return (cell.model, cell.file, cell.target, cell.variant)


def _begun(cell: CellSummary) -> str:
    return cell.session.started_utc
