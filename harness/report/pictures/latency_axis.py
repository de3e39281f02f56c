"""Latency over an axis of a matrix: a line per model, target and variant that share the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.model import Column, Facts, Table
from harness.report.layout import named_columns, names_of, section_of
from harness.report.numbers import SECONDS, Scale, scale_for
from harness.report.pictures.canvas import Axis, Label, Picture, Plot, axis
from harness.report.summary import CellSummary

_LOG_FROM = 8.0
"""An axis whose ends are this many times apart is logarithmic: lengths and counts are doubled."""
_LOG_TIMES_FROM = 25.0
"""Times that are this many times apart are logarithmic, else the short ones all lie on zero."""
_MOST_MARKED = 10


@dataclass(frozen=True, slots=True)
class _Series:
    """Cells that differ in one axis alone, in its order."""

    name: str
    points: tuple[tuple[float, CellSummary], ...]


def latency_axis_pictures(cells: Sequence[CellSummary]) -> Iterator[Picture]:
    """Return a picture per axis with numbers on it and a line of two measured points or more."""
    number = 0
    for name in _axes(cells):
        series = [each for each in _series(cells, name) if len(each.points) > 1]
        if series:
            number += 1
            yield _picture(f"latency_over_axis_{number}", name, series)


def _axes(cells: Sequence[CellSummary]) -> list[str]:
    """Return the names of all axes, in the order of the suite."""
    every = (facts for cell in cells for facts in _facts(cell))
    return list(dict.fromkeys(name for facts in every for name in facts))


def _facts(cell: CellSummary) -> tuple[Facts, Facts]:
    axes = cell.session.axes
    variant = f"{cell.cell.target}/{cell.cell.variant}"
    return axes.get(cell.cell.model, {}), axes.get(variant, {})


def _series(cells: Sequence[CellSummary], axis_name: str) -> Iterator[_Series]:
    lines: dict[str, list[tuple[float, CellSummary]]] = {}
    for cell in cells:
        model, variant = _facts(cell)
        value = {**model, **variant}.get(axis_name)
        if cell.time is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        lines.setdefault(_rest(cell, axis_name), []).append((float(value), cell))
    for name, points in lines.items():
        yield _Series(name, tuple(sorted(points, key=lambda point: point[0])))


def _rest(cell: CellSummary, axis_name: str) -> str:
    """Name all that a cell is but its place on this axis."""
    own = cell.cell
    told = [own.target]
    for key, plain in ((own.model, own.model), (f"{own.target}/{own.variant}", own.variant)):
        facts = cell.session.axes.get(key, {})
        if axis_name in facts:
            others = [f"{name} {value}" for name, value in facts.items() if name != axis_name]
            told += [cell.session.origins.get(key, plain), *others]
        else:
            told.append(plain)
    if own.file != "fp32":
        told.append(own.file)
    return " · ".join(told)


def _picture(name: str, axis_name: str, series: Sequence[_Series]) -> Picture:
    cells = [cell for each in series for _, cell in each.points]
    times = [cell.time for cell in cells if cell.time]
    scale = scale_for((time.median for time in times), SECONDS)
    values = [value for each in series for value, _ in each.points]
    spread = [end / scale.size for time in times for end in (time.low, time.high)]
    far_apart = min(spread) > 0 and max(spread) / min(spread) >= _LOG_TIMES_FROM
    title = f"Latency over {axis_name}"
    plot = Plot(
        title,
        "Each point is the median over runs, its bar the fastest and the slowest run.",
        _across(axis_name, values),
        axis(f"time of one inference ({scale.unit})", spread, log=far_apart, zero=not far_apart),
    )
    marks = [
        mark for number, each in enumerate(series) for mark in _line(plot, each, number, scale)
    ]
    marks += plot.labels(
        [
            Label((value, last.time.median / scale.size), each.name)
            for each in series
            for value, last in each.points[-1:]
            if last.time
        ]
    )
    return Picture(_table(name, title, axis_name, series, scale), plot.document(marks))


def _across(name: str, values: Sequence[float]) -> Axis:
    spread_out = min(values) > 0 and max(values) / min(values) >= _LOG_FROM
    distinct = tuple(sorted(set(values)))
    made = axis(name, values, log=spread_out)
    return replace(made, at=distinct) if len(distinct) <= _MOST_MARKED else made


def _line(plot: Plot, series: _Series, number: int, scale: Scale) -> Iterator[str]:
    at = [(value, cell.time.median / scale.size) for value, cell in series.points if cell.time]
    yield plot.path(at, "line", number)
    for (value, cell), place in zip(series.points, at, strict=True):
        if cell.time is None:
            continue
        low, high = cell.time.low / scale.size, cell.time.high / scale.size
        told = f"{series.name}: {value:g}, {scale.text(cell.time.median)} {scale.unit}"
        yield plot.bar(value, low, high, number)
        yield plot.circle(place, told, number, radius=4, claimed=False)


def _table(name: str, title: str, axis_name: str, series: Sequence[_Series], scale: Scale) -> Table:
    columns = (
        Column("series", "line"),
        Column("axis", axis_name, align="right"),
        Column("time", "time", scale.unit, "right"),
        *named_columns(),
    )
    rows = tuple(
        (
            each.name,
            f"{value:g}",
            scale.figure(cell.time.median, low=cell.time.low, high=cell.time.high),
            *names_of(cell),
        )
        for each in series
        for value, cell in each.points
        if cell.time
    )
    cells = [cell for each in series for _, cell in each.points]
    return Table(name, title, columns, rows, section=section_of(cells))
