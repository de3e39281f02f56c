"""The courses of published cells, as the index of all result folders has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.history import series as histories
from harness.history.database import Database
from harness.model import Cell
from harness.report.site.addresses import Addresses
from harness.report.site.fact_tables import told
from harness.report.site.published_results import PublishedResults, key_of
from harness.report.site.series import ChangePoint, Course, Courses, Night, Series, told_apart
from harness.selection import WORDS, Selection
from harness.statistics.change_points import BASELINE
from harness.statistics.two_sample import unpaired_ratio

_RULE = (
    "Lasting changes are those that “edgebench regressions” finds: few where there are none. Their "
    "intervals are over the nights on either side, by the exact rank-sum distribution; nights "
    "that follow each other are alike, so that they are rather too narrow."
)


def courses_of_index(
    database: Database, of: PublishedResults, places: Mapping[str, str]
) -> Courses:
    """Return the course of every published cell that an index has two nights of.

    `places` are the published paths of folders by their places in the index.

    Raises:
        StoreError: the index cannot be read.
    """
    addresses = Addresses(of.results)
    pages = {key_of(cell): addresses.cell(cell.path, cell.cell) for cell in of.cells}
    own: dict[tuple[Cell, str, bool], list[histories.Series]] = {}
    for each in _of_several_nights(database, of):
        own.setdefault((each.key.cell, each.key.bench, each.key.virtual), []).append(each)
    found: dict[tuple[str, Cell], Course] = {}
    for (cell, bench, virtual), members in own.items():
        shared = {places.get(point.folder, "") for each in members for point in each.points}
        keys = [(path, cell) for path in shared if (path, cell) in pages]
        if keys:
            at = {place: pages.get((path, cell), "") for place, path in places.items()}
            newest_first = sorted(members, key=lambda each: each.latest_utc, reverse=True)
            apart = _told_apart(newest_first)
            series = tuple(
                _shown(each, at, told) for each, told in zip(newest_first, apart, strict=True)
            )
            course = Course(f"{cell.label}\0{bench}\0{virtual}", cell, series, _RULE)
            found |= dict.fromkeys(keys, course)
    return found


def _of_several_nights(database: Database, of: PublishedResults) -> Iterator[histories.Series]:
    published = {cell.cell for cell in of.shown}
    methods = dict.fromkeys(m.metric for cell in of.shown for m in cell.memory_metrics)
    words = {word: frozenset(getattr(cell, word) for cell in published) for word in WORDS}
    for metric in (None, *methods):
        for each in histories.read_series(database, Selection(words), metric=metric):
            if each.key.cell in published and sum(bool(point.n) for point in each.points) > 1:
                yield each


def _told_apart(members: Sequence[histories.Series]) -> list[str]:
    """Return in which facts each series differs from others of its metric."""
    by_metric: dict[str, list[int]] = {}
    for number, each in enumerate(members):
        by_metric.setdefault(each.key.metric, []).append(number)
    found = [""] * len(members)
    for numbers in by_metric.values():
        told = told_apart([members[number].key.setting for number in numbers])
        for number, text in zip(numbers, told, strict=True):
            found[number] = text
    return found


def _shown(series: histories.Series, pages: Mapping[str, str], setting: str) -> Series:
    nights: list[Night] = []
    without: list[str] = []
    places: dict[int, int] = {}
    for number, point in enumerate(series.points):
        night = _night(point, pages)
        if night is None:
            without.append(f"{point.started_utc[:10]} has no value: {point.invalid}.")
        else:
            places[number] = len(nights)
            nights.append(night)
    known = [change for change in series.changes if places.get(change.at)]
    ends = [0, *(places[change.at] for change in known), len(nights)]
    changes = tuple(
        _change(change, at, nights[before:at], nights[at:after])
        for change, before, at, after in zip(known, ends, ends[1:], ends[2:], strict=False)
    )
    return Series(
        series.key.metric, series.key.unit, tuple(nights), changes, tuple(without), setting
    )


def _night(point: histories.SeriesPoint, pages: Mapping[str, str]) -> Night | None:
    if point.median is None or point.low is None or point.high is None:
        return None
    changed = (
        f"{each.fact} {told(each.before)} → {told(each.now)}" for each in point.subject_changes
    )
    return Night(
        begun_utc=point.started_utc,
        value=point.median,
        low=point.low,
        high=point.high,
        runs=point.n,
        folder=point.folder,
        page=pages.get(point.folder, ""),
        changed=tuple(changed),
        standing=point.marks,
    )


def _change(
    change: histories.ChangePoint, at: int, before: Sequence[Night], after: Sequence[Night]
) -> ChangePoint:
    earlier = [night.value for night in before if night.value > 0][-BASELINE:]
    later = [night.value for night in after if night.value > 0][:BASELINE]
    found = unpaired_ratio(later, earlier)
    return ChangePoint(at, change.before, change.after, found.estimate, found.low, found.high)
