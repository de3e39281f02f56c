"""Forward from a hash: the runs whose facts name it, wherever their folders lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from harness.history.database import Database
from harness.model import Cell, Pass


@dataclass(frozen=True, slots=True)
class Use:
    """A run that used something: `facts` are the names under which its folder knows the hash.

    `folder` lies below the results. `counts` tells whether tables count the run.
    """

    folder: str
    run_id: str
    cell: Cell
    pass_: Pass
    outcome: str
    counts: bool
    facts: tuple[str, ...]


def runs_using(database: Database, sha256: str) -> Iterator[Use]:
    """Yield every run whose subject or setting names this sha256, oldest session first."""
    for path, run_id, model, file, target, variant, pass_, outcome, counts, facts in database.rows(
        "WITH named AS (SELECT facts, fact FROM artifacts WHERE sha256 = ?) "
        "SELECT path, run_id, model, file, target, variant, pass, outcome, counts, "
        "(SELECT group_concat(fact, char(10)) FROM named "
        " WHERE named.facts IN (runs.subject, series.setting)) AS names "
        "FROM folders JOIN runs ON runs.folder = folders.id JOIN series ON series.id = series "
        "JOIN cells ON cells.id = cell "
        "WHERE folders.id IN (SELECT folder FROM uses WHERE facts IN (SELECT facts FROM named)) "
        "AND names IS NOT NULL ORDER BY started_utc, path, line",
        sha256,
    ):
        cell = Cell(model, file, target, variant)
        names = tuple(dict.fromkeys(facts.split("\n")))
        yield Use(path, run_id, cell, cast("Pass", pass_), outcome, bool(counts), names)


def folders_using(database: Database, sha256: str) -> tuple[str, ...]:
    """Return the result folders that name this sha256 at all, oldest first."""
    rows = database.rows(
        "SELECT DISTINCT path, started_utc FROM folders JOIN uses ON uses.folder = folders.id "
        "JOIN artifacts ON artifacts.facts = uses.facts WHERE sha256 = ? "
        "ORDER BY started_utc, path",
        sha256,
    )
    return tuple(path for path, _ in rows)
