"""Change points of all series, looked for session by session in the order of their starts.

A session is a night: the cells in it are the family over which false discoveries are held down,
those of virtual devices apart, and each statistic and the methods of memory apart too. What was
seen in a session depends on it and those before it alone, so only the sessions from the first
new one on are looked at again. Held in memory are the last nights of each series.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.history.database import Database
from harness.history.keys import family_of
from harness.history.schema import NOTHING
from harness.statistics.change_points import WINDOW, changes_of_a_night

Key: TypeAlias = tuple[int, int]
"""A series and a metric."""


@dataclass(slots=True)
class _Nights:
    """The nights of a series since its last change: logarithms, and the folders they are of."""

    logs: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    folders: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, value: float, folder: int) -> None:
        self.logs.append(math.log(value))
        self.folders.append(folder)

    def begin_at(self, place: int) -> None:
        for _ in range(place):
            self.logs.popleft()
            self.folders.popleft()


def judge(database: Database) -> None:
    """Look for change points wherever sessions came, went or changed; in one transaction."""
    if database.first("SELECT from_utc FROM unjudged") == (NOTHING,):
        return
    with database.transaction():
        row = database.first("SELECT from_utc FROM unjudged")
        from_utc = row[0] if row else NOTHING
        database.run("DELETE FROM changes WHERE seen_utc >= ?", from_utc)
        nights: dict[Key, _Nights] = {}
        metrics = _judged_metrics(database)
        sessions = database.rows(
            "SELECT id, started_utc FROM counted WHERE started_utc >= ? ORDER BY started_utc, path",
            from_utc,
        )
        for folder, started_utc in sessions:
            families: dict[tuple[int, str], list[Key]] = {}
            for series, virtual, metric, median in _points(database, folder):
                if metric in metrics and 0 < median < math.inf:
                    key = (series, metric)
                    if key not in nights:
                        nights[key] = _nights_before(database, key, from_utc)
                    nights[key].add(median, folder)
                    families.setdefault((virtual, metrics[metric]), []).append(key)
            for family in families.values():
                _judge_family(database, {key: nights[key] for key in family}, folder, started_utc)
        database.run("UPDATE unjudged SET from_utc = ?", NOTHING)


def _judge_family(
    database: Database, family: dict[Key, _Nights], folder: int, started_utc: str
) -> None:
    logs = {key: tuple(own.logs) for key, own in family.items()}
    for key, change in changes_of_a_night(logs).items():
        own = family[key]
        database.run(
            "INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(*key, own.folders[change.at], folder, started_utc, change.rule, change.p),
        )
        own.begin_at(change.at)


def _judged_metrics(database: Database) -> dict[int, str]:
    """Return the metrics that are judged, each with the name of its family."""
    families = {
        metric: family_of(name, unit)
        for metric, name, unit in database.rows("SELECT id, name, unit FROM metrics")
    }
    return {metric: family for metric, family in families.items() if family is not None}


def _points(database: Database, folder: int) -> Iterator[tuple[int, int, int, float]]:
    return database.rows(
        "SELECT series, virtual, metric, median FROM points JOIN series ON series.id = series "
        "WHERE folder = ? ORDER BY series, metric",
        folder,
    )


def _nights_before(database: Database, key: Key, from_utc: str) -> _Nights:
    """Return the nights since the last change, of those before a start."""
    last = database.first(
        "SELECT max(started_utc) FROM changes JOIN folders ON folders.id = folder "
        "WHERE series = ? AND metric = ?",
        *key,
    )
    begin = (last and last[0]) or ""
    told = database.rows(
        "SELECT median, folder FROM points JOIN counted ON counted.id = folder WHERE series = ? "
        "AND metric = ? AND started_utc >= ? AND started_utc < ? "
        "ORDER BY started_utc DESC, path DESC LIMIT ?",
        *(*key, begin, from_utc, WINDOW),
    )
    found = _Nights()
    for median, folder in reversed(list(told)):
        if 0 < median < math.inf:
            found.add(median, folder)
    return found
