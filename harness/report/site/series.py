"""The course of a cell's numbers over nights, as pages show it: values, and what changed when.

Several folders of one suite and machine are nights. Nights are joined as long as their settings
are equal; where a setting changes, another series begins. Where what was measured changes (a tool,
a browser, a model's file), the night says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.model import Cell, RunResult, Scalar
from harness.report.cell_ratios import distinct
from harness.report.metric_values import MetricSummary
from harness.report.summary import CellSummary


@dataclass(frozen=True, slots=True)
class Night:
    """A cell's value of one night, in SI units: the median over runs, the least and the most.

    `folder` is the published name of its result folder, `page` the address of the page of its
    runs, '' where this site has none. `changed` says what is another than the night before,
    `standing` what is doubtful of its runs.
    """

    begun_utc: str
    value: float
    low: float
    high: float
    runs: int
    folder: str
    page: str = ""
    changed: tuple[str, ...] = ()
    standing: str = ""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A lasting change: the first night after it, the level before and after, and their ratio.

    `low` and `high` bound the 95 % interval of `ratio`, after over before; None without one.
    """

    night: int
    before: float
    after: float
    ratio: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one cell over nights under one setting, the oldest first.

    `without` says of nights that have no value any more why that is, `setting` in which facts
    another series of the same metric and cell is measured otherwise.
    """

    metric: str
    unit: str
    nights: tuple[Night, ...]
    changes: tuple[ChangePoint, ...] = ()
    without: tuple[str, ...] = ()
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """All series of a cell; `name` tells it from other courses, and is the same every night.

    `rule` says how change points were looked for, '' if they were not.
    """

    name: str
    cell: Cell
    series: tuple[Series, ...]
    rule: str = ""


Courses: TypeAlias = Mapping[tuple[str, Cell], Course]
"""The course that each cell of each folder is part of, by the folder's path and the cell."""


def courses_of(cells: Sequence[CellSummary], pages: Mapping[tuple[str, Cell], str]) -> Courses:
    """Return the courses of cells that several folders have.

    `pages` are the addresses of cells by folder and cell.
    """
    same: dict[tuple[str, str, Cell], list[CellSummary]] = {}
    for cell in cells:
        same.setdefault((cell.session.suite, cell.session.label, cell.cell), []).append(cell)
    found: dict[tuple[str, Cell], Course] = {}
    for (suite, label, named), nights in same.items():
        ordered = sorted(nights, key=lambda night: night.session.started_utc)
        parts = list(_of_one_setting(ordered))
        apart = told_apart([_setting(part[0]) for part in parts])
        found_parts = [
            [replace(each, setting=told) for each in _metrics(part, pages)]
            for part, told in zip(parts, apart, strict=True)
        ]
        series = tuple(each for part in reversed(found_parts) for each in part)
        if series:
            course = Course(f"{suite}\0{label}\0{named.label}", named, series)
            found |= {(night.path, night.cell): course for night in nights}
    return found


def told_apart(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """Return for each setting the facts in which they differ, as `threads 2, method PSS`."""
    names = dict.fromkeys(name for each in settings for name in each)
    differing = [name for name in names if len({str(each.get(name)) for each in settings}) > 1]
    return [
        ", ".join(f"{name} {_known(each.get(name))}" for name in differing) for each in settings
    ]


def _known(value: object) -> str:
    known = ", ".join(map(str, value)) if isinstance(value, tuple) else value
    return "not known" if known in {None, ""} else str(known)


def _of_one_setting(nights: Sequence[CellSummary]) -> Iterator[list[CellSummary]]:
    part: list[CellSummary] = []
    for night in nights:
        if not (night.latency.measured or night.memory.measured):
            continue
        if part and _setting(part[-1]) != _setting(night):
            yield part
            part = []
        part.append(night)
    if part:
        yield part


def _setting(night: CellSummary) -> dict[str, tuple[Scalar, ...]]:
    return _facts(night.latency.measured or night.memory.measured, "setting")


def _facts(runs: Sequence[RunResult], which: str) -> dict[str, tuple[Scalar, ...]]:
    sets = [getattr(run, which) for run in runs]
    names = dict.fromkeys(name for each in sets for name in each)
    return {name: distinct(each.get(name) for each in sets) for name in names}


def _metrics(
    nights: Sequence[CellSummary], pages: Mapping[tuple[str, Cell], str]
) -> Iterator[Series]:
    metrics = dict.fromkeys(metric.metric for night in nights for metric in _own(night))
    for name in metrics:
        values = []
        before: CellSummary | None = None
        for night in nights:
            found = next((each for each in _own(night) if each.metric == name), None)
            if found is not None:
                page = pages.get((night.path, night.cell), "")
                values.append(_night(night, found, _changed(before, night), page))
                before = night
        if len(values) > 1:
            unit = "B" if name not in {"latency_p50", "latency_mean"} else "s"
            yield Series(name, unit, tuple(values))


def _own(night: CellSummary) -> list[MetricSummary]:
    time = [night.time] if night.time else []
    found = (*time, *(metric for metric in night.memory_metrics if metric.n))
    return [metric for metric in found if all(map(math.isfinite, metric.values))]


def _night(night: CellSummary, metric: MetricSummary, changed: tuple[str, ...], page: str) -> Night:
    return Night(
        begun_utc=night.session.started_utc,
        value=metric.median,
        low=metric.low,
        high=metric.high,
        runs=metric.n,
        folder=night.path,
        page=page,
        changed=changed,
    )


def _changed(before: CellSummary | None, night: CellSummary) -> tuple[str, ...]:
    """Say what of the subject is another than the night before."""
    if before is None:
        return ()
    was, now = (
        _facts((*each.latency.measured, *each.memory.measured), "subject")
        for each in (before, night)
    )
    return tuple(
        f"{name} {_said(was.get(name))} → {_said(now.get(name))}"
        for name in dict.fromkeys((*was, *now))
        if was.get(name) != now.get(name)
    )


def _said(values: tuple[Scalar, ...] | None) -> str:
    return ", ".join(map(str, values)) if values else "nothing"
