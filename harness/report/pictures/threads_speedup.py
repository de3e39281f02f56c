"""Speed-up over threads beside the ideal line: a picture per file of a model, a line per build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import Column, Figure, Table
from harness.report.layout import called, gain, named_columns, names_of, section_of
from harness.report.pictures.canvas import Axis, Label, Picture, Plot, axis
from harness.report.summary import CellSummary
from harness.report.threads import Line, Point, lines
from harness.statistics.paired import RatioEstimate

_DESCRIPTION = (
    "Each point is the time of one thread divided by the time of so many, estimated block by "
    "block, its bar the 95 % interval; the dashed line is the ideal, as many times as threads. A "
    "hollow point was forced: a visitor of this machine would have had fewer threads."
)


def threads_pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    """Return a picture per file of which a line has its point of one thread."""
    number = 0
    for model, file in dict.fromkeys((cell.cell.model, cell.cell.file) for cell in cells):
        own = [cell for cell in cells if (cell.cell.model, cell.cell.file) == (model, file)]
        drawn = [line for line in lines(own) if len(list(_measured(line))) > 1]
        if drawn:
            number += 1
            title = f"Speed-up over threads: {called(own[0], cells)}"
            name = f"speed_up_over_threads_{number}"
            yield Picture(_table(name, title, drawn), _svg(title, drawn))


def _measured(line: Line) -> Iterator[tuple[Point, float, RatioEstimate | None]]:
    """Give each point with its speed-up; one thread is 1 by definition and has no interval."""
    for point in line.points if line.has_one_thread else ():
        estimate = point.over_one.estimate if point.over_one else None
        if point.threads == 1:
            yield point, 1.0, None
        elif estimate:
            yield point, estimate.estimate, estimate


def _svg(title: str, drawn: Sequence[Line]) -> str:
    points = [each for line in drawn for each in _measured(line)]
    threads = tuple(sorted({float(point.threads) for point, _, _ in points}))
    ends = [end for _, _, e in points if e for end in (e.low, e.high) if end is not None]
    values = [value for _, value, _ in points]
    plot = Plot(
        title,
        _DESCRIPTION,
        Axis("threads", 0.0, threads[-1] * 1.08, at=threads),
        axis("speed-up over one thread (×)", [*values, *ends, threads[-1]], zero=True),
    )
    marks = [plot.path([(1.0, 1.0), (threads[-1], threads[-1])], "ideal")]
    labels = [Label((threads[-1], threads[-1]), "ideal")]
    for number, line in enumerate(drawn):
        marks += _marks(plot, line, number)
        *_, (last, value, _) = _measured(line)
        labels.append(Label((float(last.threads), value), line.name))
    marks += plot.labels(labels)
    return plot.document(marks)


def _marks(plot: Plot, line: Line, number: int) -> Iterator[str]:
    places = [(float(point.threads), value) for point, value, _ in _measured(line)]
    yield plot.path(places, "line", number)
    for (point, value, estimate), place in zip(_measured(line), places, strict=True):
        if estimate and estimate.low is not None and estimate.high is not None:
            yield plot.bar(place[0], estimate.low, estimate.high, number)
        forced = ", forced" if point.forced else ""
        told = f"{line.name}: {point.threads} threads{forced}, {value:.3g}×"
        radius = 6 if point.forced else 4
        yield plot.circle(place, told, number, radius=radius, claimed=point.forced)


def _table(name: str, title: str, drawn: Sequence[Line]) -> Table:
    columns = (
        Column("series", "line"),
        Column("threads", "threads", align="right"),
        Column("over_one", "speed-up", align="right"),
        *named_columns(),
    )
    rows = tuple(
        (
            line.name,
            Figure(point.threads, f"{point.threads}{' forced' if point.forced else ''}"),
            gain(point.over_one) if estimate else Figure(1.0, "1×"),
            *names_of(point.cell),
        )
        for line in drawn
        for point, _, estimate in _measured(line)
    )
    cells = [point.cell for line in drawn for point in line.points]
    return Table(name, title, columns, rows, (_DESCRIPTION,), section=section_of(cells))
