"""Latency against quality, with size as the bubble and the line of what nothing else beats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from harness.model import Column, Figure, Table
from harness.report.layout import section_of
from harness.report.model_facts import size_bytes_of
from harness.report.numbers import BYTES, SECONDS, Scale, scale_for
from harness.report.pictures.canvas import Label, Picture, Plot, axis
from harness.report.quality import declared_quality, measured_quality
from harness.report.summary import CellSummary

_LARGEST_RADIUS = 26.0
_SMALLEST_RADIUS = 5.0
_LINE_NOTE = (
    "The dashed line joins the cells that no other is both as fast and as good as; it knows "
    "medians alone, so two points whose intervals overlap may change places."
)


@dataclass(frozen=True, slots=True)
class Point:
    """A cell that has a time and a quality; `claimed` if the quality is declared."""

    name: str
    metric: str
    time_s: float
    quality: float
    low: float | None
    high: float | None
    size_bytes: int
    claimed: bool


def pareto(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other is both as fast and as good as, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.time_s, -p.quality)):
        if not best or point.quality > best[-1].quality:
            best.append(point)
    return best


def latency_quality_pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    """Return a picture per metric and target, of two cells or more; measured ones and declared.

    Measured and declared qualities of one metric are never joined by one line.
    """
    found = [(cell, point) for cell in cells for point in _points(cell)]

    def kind(pair: tuple[CellSummary, Point]) -> tuple[str, str, bool]:
        cell, point = pair
        return (f"{cell.session_name}\0{cell.cell.target}", point.metric, point.claimed)

    number = 0
    for (_, metric, claimed), members in groupby(sorted(found, key=kind), key=kind):
        pairs = list(members)
        if len(pairs) > 1:
            number += 1
            yield _picture(f"latency_quality_{number}", metric, pairs, claimed=claimed)


def _points(cell: CellSummary) -> Iterator[Point]:
    size = size_bytes_of([cell])
    if cell.time is None or size is None:
        return
    name = f"{cell.cell.model}/{cell.cell.file} {cell.cell.variant}"
    if score := measured_quality(cell):
        ends = (score.low, score.high)
        yield Point(name, score.metric, cell.time.median, score.value, *ends, size, claimed=False)
    said = declared_quality(cell)
    if said and said.stands:
        yield Point(name, said.metric, cell.time.median, said.value, None, None, size, claimed=True)


def _picture(
    name: str, metric: str, pairs: Sequence[tuple[CellSummary, Point]], *, claimed: bool
) -> Picture:
    cells, points = [cell for cell, _ in pairs], [point for _, point in pairs]
    times = [point.time_s for point in points]
    scale = scale_for(times, SECONDS)
    word = "declared" if claimed else "measured"
    title = f"Latency and {word} {metric} on {cells[0].cell.target}"
    ends = [end for p in points for end in (p.low, p.high, p.quality) if end is not None]
    comparable = claimed or len(_labelled_sets(cells)) == 1
    best = pareto(points) if comparable else []
    plot = Plot(
        title,
        "Left is faster, up is better, area is size."
        + (" The dashed line joins what no other is both as fast and as good as." if best else ""),
        axis(f"time of one inference ({scale.unit})", [x / scale.size for x in times], log=True),
        axis(f"{metric} ({word})", ends),
    )
    largest = max(point.size_bytes for point in points)
    line = [(point.time_s / scale.size, point.quality) for point in best]
    marks = [plot.path(_steps(line), "pareto")] if len(line) > 1 else []
    for number, point in enumerate(points):
        marks += _mark(plot, point, number, scale, largest)
    marks += plot.labels(
        [
            Label((p.time_s / scale.size, p.quality), p.name, _radius(p, largest) + 4, above=-4)
            for p in points
        ]
    )
    return Picture(_table(name, title, points, best, scale, cells), plot.document(marks))


def _steps(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners between neighbours: to have better quality, one must be slower."""
    corners = [line[0]]
    for (_, below), (x, y) in pairwise(line):
        corners += [(x, below), (x, y)]
    return corners


def _mark(plot: Plot, point: Point, number: int, scale: Scale, largest: int) -> Iterator[str]:
    at = (point.time_s / scale.size, point.quality)
    radius = _radius(point, largest)
    size = scale_for([point.size_bytes], BYTES)
    told = (
        f"{point.name}: {scale.text(point.time_s)} {scale.unit}, {point.metric} {point.quality:.4g}"
        f", {size.text(point.size_bytes)} {size.unit}"
    )
    if point.low is not None and point.high is not None:
        yield plot.bar(at[0], point.low, point.high, number)
    yield plot.circle(at, told, number, radius=radius, claimed=point.claimed)


def _radius(point: Point, largest: int) -> float:
    return max(_SMALLEST_RADIUS, _LARGEST_RADIUS * math.sqrt(point.size_bytes / largest))


def _labelled_sets(cells: Sequence[CellSummary]) -> set[object]:
    """Return the hashes of the sets that measured cells answered."""
    found = (cell.extra.get("quality") for cell in cells)
    return {run.setting.get("labelled_sha256") for each in found if each for run in each.measured}


def _table(
    name: str,
    title: str,
    points: Sequence[Point],
    best: Sequence[Point],
    scale: Scale,
    cells: Sequence[CellSummary],
) -> Table:
    bytes_ = scale_for((point.size_bytes for point in points), BYTES)
    columns = (
        Column("cell", "cell"),
        Column("time", "time", scale.unit, "right"),
        Column("quality", points[0].metric, align="right"),
        Column("size", "size", bytes_.unit, "right"),
        Column("pareto", "on the line"),
    )
    rows = tuple(
        (
            point.name,
            scale.figure(point.time_s),
            Figure(point.quality, f"{point.quality:.4g}", point.low, point.high),
            bytes_.figure(point.size_bytes),
            "yes" if point in best else None,
        )
        for point in points
    )
    note = (
        _LINE_NOTE
        if best
        else "No line joins these cells: they answered different labelled sets, so that their "
        f"{points[0].metric} does not compare between models."
    )
    return Table(name, title, columns, rows, (note,), section=section_of(cells))
