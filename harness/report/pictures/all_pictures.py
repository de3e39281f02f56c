"""Every picture that result folders have something to show in, real targets before virtual ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.model import ResultFolder
from harness.report.pictures.canvas import Picture
from harness.report.pictures.latency_axis import latency_axis_pictures
from harness.report.pictures.latency_quality import latency_quality_pictures
from harness.report.pictures.simd_threads import simd_threads_pictures
from harness.report.pictures.speedup_intervals import speedup_pictures
from harness.report.pictures.threads_speedup import threads_pictures
from harness.report.summary import CellSummary, summarise


def pictures(folders: Sequence[ResultFolder]) -> tuple[Picture, ...]:
    """Return all pictures, each with a name of its own; a folder is never mixed with another.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    return pictures_of([cell for folder in folders for cell in summarise([folder])])


def pictures_of(cells: Sequence[CellSummary]) -> tuple[Picture, ...]:
    """Return all pictures of these cells, as `pictures` does."""
    return tuple(_renamed(list(_pictures(cells))))


def _pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    folders: dict[tuple[str, bool], list[CellSummary]] = {}
    for path in dict.fromkeys(cell.path for cell in cells):
        folders |= {(path, virtual): [] for virtual in (False, True)}
    for cell in cells:
        folders[cell.path, cell.virtual].append(cell)
    for chosen in folders.values():
        yield from speedup_pictures(chosen)
        yield from simd_threads_pictures(chosen)
        yield from latency_quality_pictures(chosen)
        yield from latency_axis_pictures(chosen)
        yield from threads_pictures(chosen)


def _renamed(drawn: Sequence[Picture]) -> Iterator[Picture]:
    counts: dict[str, int] = {}
    for picture in drawn:
        kind = picture.table.name.rstrip("0123456789").rstrip("_")
        counts[kind] = counts.get(kind, 0) + 1
        yield replace(picture, table=replace(picture.table, name=f"{kind}_{counts[kind]}"))
