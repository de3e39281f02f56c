"""Every picture that result folders have something to show in, real targets before virtual ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.model import ResultFolder
from harness.report.pictures.canvas import Picture
from harness.report.pictures.latency_axis import latency_axis_pictures
from harness.report.pictures.latency_quality import latency_quality_pictures
from harness.report.pictures.threads_speedup import threads_pictures
from harness.report.summary import summarise


def pictures(folders: Sequence[ResultFolder]) -> tuple[Picture, ...]:
    """Return all pictures, each with a name of its own; a folder is never mixed with another.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    return tuple(_renamed(list(_pictures(folders))))


def _pictures(folders: Sequence[ResultFolder]) -> Iterator[Picture]:
    for folder in folders:
        cells = summarise([folder])
        for virtual in (False, True):
            chosen = [cell for cell in cells if cell.virtual == virtual]
            yield from latency_quality_pictures(chosen)
            yield from latency_axis_pictures(chosen)
            yield from threads_pictures(chosen)


def _renamed(drawn: Sequence[Picture]) -> Iterator[Picture]:
    counts: dict[str, int] = {}
    for picture in drawn:
        kind = picture.table.name.rstrip("0123456789").rstrip("_")
        counts[kind] = counts.get(kind, 0) + 1
        yield replace(picture, table=replace(picture.table, name=f"{kind}_{counts[kind]}"))
