"""Histories as frozen values: the points of a cell under one setting, and where they change.

with opened(results, tell) as index:
    for series in read_series(index, parse_selection(["model=blazeface"])):
        series.points, series.changes
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeAlias, cast

from harness.history.database import Database
from harness.model import Cell, Facts, Pass, Scalar
from harness.selection import EVERYTHING, Selection
from harness.statistics.change_points import BASELINE

STATISTICS = ("latency_p50", "latency_mean")

Condition: TypeAlias = tuple[float, float] | tuple[str, ...]
"""The least and the most of a number over the runs of a session, or what else was said."""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What a series is of: all its points share these, so they may be compared.

    `metric` names statistic and method, `setting` has the facts that must match, and `virtual`
    keeps virtual devices and real ones apart.
    """

    cell: Cell
    pass_: Pass
    metric: str
    unit: str
    bench: str
    virtual: bool
    setting: Facts


@dataclass(frozen=True, slots=True)
class FactChange:
    """A fact that is another one than in the session before; None is not known."""

    fact: str
    before: Scalar
    now: Scalar


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """A session: the median of `n` runs, least and most, in SI units.

    `folder` is the result folder, below the results. `marks` tells of runs that keep their
    numbers and are marked, `invalid` why runs do not count any more; where none is left, n is 0
    and the figures are None.
    """

    started_utc: str
    folder: str
    suite: str
    n: int
    median: float | None
    low: float | None
    high: float | None
    subject_changes: tuple[FactChange, ...] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    marks: str = ""
    invalid: str = ""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change: `at` is the place of the first point that is different, `seen` when it was known.

    `before` and `after` are medians of up to 30 sessions on either side, up to the next change;
    `ratio` is after over before.
    """

    at: int
    seen: int
    before: float
    after: float
    rule: str
    p: float | None

    @property
    def ratio(self) -> float:
        return self.after / self.before


@dataclass(frozen=True, slots=True)
class Series:
    """The history of one metric of one cell under one setting, oldest session first."""

    key: SeriesKey
    points: tuple[SeriesPoint, ...]
    changes: tuple[ChangePoint, ...]

    @property
    def latest_utc(self) -> str:
        """When the last session started."""
        return self.points[-1].started_utc


def read_series(
    database: Database, selection: Selection = EVERYTHING, *, metric: str | None = None
) -> Iterator[Series]:
    """Yield the series of the selected cells, cell by cell, one in memory at a time.

    `metric` is the compared statistic of latency if None: the median of a run where all sessions
    of a series have it, else the mean.
    """
    metrics = _metrics(database)
    for number, key in _series(database, selection):
        name = metric or compared_statistic(database, number)
        if name in metrics:
            found = _read(database, number, key, *metrics[name], name)
            if any(point.n for point in found.points):
                yield found


def read_changed(
    database: Database, selection: Selection = EVERYTHING, *, since_utc: str = ""
) -> Iterator[Series]:
    """Yield the series with a change that was seen in a session from `since_utc` on.

    Of latency it is the compared statistic alone.
    """
    names = {number: (name, unit) for name, (number, unit) in _metrics(database).items()}
    changed: dict[int, list[int]] = {}
    for series, metric in database.rows(
        "SELECT DISTINCT series, metric FROM changes WHERE seen_utc >= ? ORDER BY series, metric",
        since_utc,
    ):
        changed.setdefault(series, []).append(metric)
    for series, key in _series(database, selection):
        for metric in changed.get(series, ()):
            name, unit = names[metric]
            if name in STATISTICS and name != compared_statistic(database, series):
                continue
            yield _read(database, series, key, metric, unit, name)


def metrics_of(database: Database, selection: Selection) -> tuple[str, ...]:
    """Return the names of what the selected cells have a history of, in order."""
    names = {number: name for name, (number, _) in _metrics(database).items()}
    found = {
        names[metric]
        for series, _ in _series(database, selection)
        for (metric,) in database.rows(
            "SELECT DISTINCT metric FROM points WHERE series = ?", series
        )
    }
    return tuple(sorted(found))


def known_cells(database: Database) -> tuple[Cell, ...]:
    """Return every cell that any result folder has a measured run of, in order."""
    rows = database.rows(
        "SELECT DISTINCT model, file, target, variant FROM cells JOIN series ON cell = cells.id "
        "WHERE EXISTS (SELECT 1 FROM sessions WHERE sessions.series = series.id)"
    )
    return tuple(sorted(Cell(*row) for row in rows))


def compared_statistic(database: Database, series: int) -> str:
    """Return the statistic by which the sessions of a series are compared; '' without any."""
    counts = dict(
        database.rows(
            "SELECT name, count(*) FROM points JOIN metrics ON metrics.id = metric "
            "WHERE series = ? AND name IN (?, ?) GROUP BY name",
            series,
            *STATISTICS,
        )
    )
    by_median, by_mean = (counts.get(name, 0) for name in STATISTICS)
    if not counts:
        return ""
    return STATISTICS[0] if by_median >= by_mean else STATISTICS[1]


def _metrics(database: Database) -> dict[str, tuple[int, str]]:
    rows = database.rows("SELECT id, name, unit FROM metrics")
    return {name: (number, unit) for number, name, unit in rows}


def _series(database: Database, selection: Selection) -> Iterator[tuple[int, SeriesKey]]:
    """Yield the series of cells, each with its key, which has no metric yet."""
    for number, model, file, target, variant, kind, bench, virtual, setting in database.rows(
        "SELECT series.id, model, file, target, variant, pass, bench, virtual, facts FROM series "
        "JOIN cells ON cells.id = cell JOIN facts ON facts.id = setting "
        "ORDER BY model, file, target, variant, pass, virtual, bench, series.id"
    ):
        cell = Cell(model, file, target, variant)
        if selection.admits(cell):
            facts = json.loads(setting)
            yield number, SeriesKey(cell, cast("Pass", kind), "", "", bench, bool(virtual), facts)


def _read(
    database: Database, series: int, key: SeriesKey, metric: int, unit: str, name: str
) -> Series:
    points = _points(database, series, metric)
    return Series(
        replace(key, metric=name, unit=unit), points, _changes(database, series, metric, points)
    )


def _points(database: Database, series: int, metric: int) -> tuple[SeriesPoint, ...]:
    rows = database.rows(
        "SELECT started_utc, path, suite, n, median, low, high, subject, conditions, marks, "
        "invalid FROM sessions JOIN counted ON counted.id = sessions.folder "
        "LEFT JOIN points ON points.series = sessions.series AND points.metric = ? "
        "AND points.folder = sessions.folder WHERE sessions.series = ? "
        "AND (n IS NOT NULL OR invalid != '') ORDER BY started_utc, path",
        metric,
        series,
    )
    points: list[SeriesPoint] = []
    facts: dict[int, Facts] = {}
    before: int | None = None
    for started_utc, path, suite, n, middle, low, high, subject, conditions, marks, why in rows:
        changed: tuple[FactChange, ...] = ()
        if before is not None and subject != before:
            changed = differing(*(_facts(database, facts, each) for each in (before, subject)))
        before = subject
        points.append(
            SeriesPoint(
                started_utc=started_utc,
                folder=path,
                suite=suite,
                n=n or 0,
                median=middle,
                low=low,
                high=high,
                subject_changes=changed,
                conditions=_conditions(conditions),
                marks=marks,
                invalid=why,
            )
        )
    return tuple(points)


def differing(before: Facts, now: Facts) -> tuple[FactChange, ...]:
    """Return the facts in which two sets differ; what is not known on one side is shown as None."""
    return tuple(
        FactChange(fact, before.get(fact), now.get(fact))
        for fact in dict.fromkeys((*before, *now))
        if before.get(fact) != now.get(fact)
    )


def _facts(database: Database, known: dict[int, Facts], number: int) -> Facts:
    if number not in known:
        row = database.first("SELECT facts FROM facts WHERE id = ?", number)
        known[number] = json.loads(row[0]) if row else {}
    return known[number]


def _conditions(text: str) -> Mapping[str, Condition]:
    return {fact: tuple(values) for fact, values in json.loads(text).items()}


def _changes(
    database: Database, series: int, metric: int, points: Sequence[SeriesPoint]
) -> tuple[ChangePoint, ...]:
    places = {point.folder: place for place, point in enumerate(points)}
    found = sorted(
        (places[path], places[seen], rule, p)
        for path, seen, rule, p in database.rows(
            "SELECT at.path, seen.path, rule, p FROM changes "
            "JOIN folders AS at ON at.id = folder JOIN folders AS seen ON seen.id = seen_in "
            "WHERE series = ? AND metric = ?",
            series,
            metric,
        )
        if path in places and seen in places
    )
    ends = [0, *(at for at, *_ in found), len(points)]
    changes = []
    for place, (at, seen, rule, p) in enumerate(found, start=1):
        earlier = _medians(points[ends[place - 1] : at])[-BASELINE:]
        later = _medians(points[at : ends[place + 1]])[:BASELINE]
        changes.append(ChangePoint(at, seen, median(earlier), median(later), rule, p))
    return tuple(changes)


def _medians(points: Sequence[SeriesPoint]) -> list[float]:
    return [point.median for point in points if point.median is not None]
