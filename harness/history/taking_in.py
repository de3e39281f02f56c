"""From the runs of one result folder to the rows of the index, one run in memory at a time.

Runs and their values go to temporary tables first, since only a whole folder tells which of them
count: the last attempt at each, less those of disturbed blocks that new ones replaced, as tables
count them (`harness.disturbances`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from harness.disturbances import DISTURBED, how_replaced, left_out
from harness.errors import StoreError
from harness.history.database import Database
from harness.history.gathering import Gathered, together
from harness.history.keys import key_setting, subject_of, values_of
from harness.history.row_ids import RowIds, storable
from harness.model import (
    Cell,
    Facts,
    Failed,
    Failure,
    Measured,
    RunResult,
    SessionRecord,
    Skipped,
)
from harness.store.marks import MARKED_INVALID
from harness.store.merged_session import digest_of_session
from harness.store.used import KINDS, hashes_of

_TEMPORARY = (
    """CREATE TEMP TABLE IF NOT EXISTS new_runs (line INTEGER PRIMARY KEY, cell, pass,
       series, subject, bench, model, block, attempt, outcome, disturbed, conditions, invalid,
       counts INTEGER NOT NULL DEFAULT 0)""",
    "CREATE TEMP TABLE IF NOT EXISTS new_values (line INTEGER NOT NULL, metric, value REAL)",
    "CREATE TEMP TABLE IF NOT EXISTS new_uses (hash INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE IF NOT EXISTS aside (bench, model, block)",
    "DELETE FROM new_runs",
    "DELETE FROM new_values",
    "DELETE FROM new_uses",
    "DELETE FROM aside",
)
_LATEST = """UPDATE new_runs SET counts = 1 WHERE line IN (SELECT line FROM (SELECT line,
  row_number() OVER (PARTITION BY cell, pass, block ORDER BY attempt DESC, line DESC) AS place
  FROM new_runs) WHERE place = 1)"""
_SET_ASIDE = """UPDATE new_runs SET counts = 0 WHERE counts AND pass = 'latency'
  AND outcome = 'measured' AND EXISTS (SELECT 1 FROM aside WHERE aside.bench = new_runs.bench
  AND aside.model IN ('', new_runs.model) AND aside.block = new_runs.block)"""
_POINTS = """INSERT INTO points SELECT series, metric, ?, n,
  avg(CASE WHEN place IN ((n + 1) / 2, (n + 2) / 2) THEN value END), min(value), max(value)
  FROM (SELECT series, metric, value,
    row_number() OVER (PARTITION BY series, metric ORDER BY value) AS place,
    count(*) OVER (PARTITION BY series, metric) AS n
    FROM new_values JOIN new_runs USING (line) WHERE counts)
  GROUP BY series, metric"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A result folder as it was found: its place below the results, and how its files look."""

    place: str
    looks: str


def take_in(
    database: Database, seen: Seen, session: SessionRecord, runs: Iterable[tuple[int, RunResult]]
) -> None:
    """Write what a folder holds, in place of what was known of it; inside a transaction.

    Raises:
        StoreError: a run is damaged, or the disk refuses.
    """
    forget(database, seen.place)
    ids = RowIds(database)
    folder = database.run(
        "INSERT INTO folders (path, seen, suite, started_utc, runs, sessions, problem, hint) "
        "VALUES (?, ?, ?, ?, 0, ?, '', '')",
        *(seen.place, seen.looks, storable(session.suite), storable(session.started_utc)),
        max(1, len(session.merged)),
    )
    held = [each.session for each in session.merged] or [session]
    database.run_many(
        "INSERT OR IGNORE INTO holds VALUES (?, ?)",
        [(digest_of_session(each), folder) for each in held],
    )
    judge_again(database, session.started_utc)
    for statement in _TEMPORARY:
        database.run(statement)
    _note_runs(database, ids, seen, session, runs)
    database.run(_LATEST)
    database.run_many("INSERT INTO aside VALUES (?, ?, ?)", _aside(database, session))
    database.run(_SET_ASIDE)
    database.run("UPDATE folders SET runs = (SELECT count(*) FROM new_runs) WHERE id = ?", folder)
    database.run(_POINTS, folder)
    made = session.lineage.how if session.lineage else ""
    _note_sessions(database, ids, folder, made)
    database.run("INSERT INTO uses SELECT DISTINCT hash, ? FROM new_uses", folder)


def take_in_problem(database: Database, seen: Seen, error: StoreError) -> None:
    """Note why a folder cannot be read, so that it is told once; inside a transaction."""
    forget(database, seen.place)
    database.run(
        "INSERT INTO folders (path, seen, suite, started_utc, runs, sessions, problem, hint) "
        "VALUES (?, ?, '', '', 0, 0, ?, ?)",
        *(seen.place, seen.looks, storable(error.message), storable(error.hint)),
    )


def forget(database: Database, place: str) -> None:
    """Remove what is known of a folder; inside a transaction."""
    found = database.first("SELECT id, started_utc FROM folders WHERE path = ?", place)
    if found is None:
        return
    judge_again(database, found[1])
    for table in ("holds", "sessions", "points", "uses"):
        # The names are the four above.
        database.run(f"DELETE FROM {table} WHERE folder = ?", found[0])  # noqa: S608
    database.run("DELETE FROM changes WHERE folder = ? OR seen_in = ?", found[0], found[0])
    database.run("DELETE FROM folders WHERE id = ?", found[0])


def judge_again(database: Database, from_utc: str) -> None:
    """Have change points looked for again in all sessions from this start on."""
    database.run("UPDATE unjudged SET from_utc = min(from_utc, ?)", storable(from_utc))


def _note_runs(
    database: Database,
    ids: RowIds,
    seen: Seen,
    session: SessionRecord,
    runs: Iterable[tuple[int, RunResult]],
) -> None:
    virtual = {target.name for target in session.targets if target.virtual}
    for line, run in runs:
        try:
            cell = ids.cell(run.cell)
            is_virtual = run.cell.target in virtual or run.setting.get("virtual") is True
            setting = ids.facts(key_setting(run))
            series = ids.series(cell, run.pass_, run.bench, is_virtual, setting)
            database.run(
                "INSERT INTO new_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                *(line, cell, storable(run.pass_), series),
                *(
                    ids.facts(subject_of(run, session.of_bench(run.bench))),
                    storable(run.bench),
                    storable(run.cell.model),
                ),
                *(run.block, run.attempt, _word(run), run.conditions.get(DISTURBED) is True),
                json.dumps(run.conditions),
                _why_invalid(run),
            )
            database.run_many(
                "INSERT INTO new_values VALUES (?, ?, ?)",
                [(line, ids.metric(name, unit), value) for name, unit, value in values_of(run)],
            )
            database.run_many(
                "INSERT OR IGNORE INTO new_uses VALUES (?)",
                [(ids.used(digits),) for digits in _used(session, run)],
            )
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise StoreError(
                f"this line is not a run: {error!r}",
                where=f"{seen.place}:{line}",
                hint="restore the line from a backup, or remove it and run with --resume",
            ) from error


def _aside(database: Database, session: SessionRecord) -> list[tuple[str, str, int]]:
    """Return the blocks that are left out; all others are not asked for, they are too many."""
    how = how_replaced(session)
    told = database.rows(
        "SELECT DISTINCT bench, model, block, disturbed, outcome = 'measured' FROM new_runs "
        "WHERE counts AND pass = 'latency' AND (disturbed OR block > ?)",
        session.blocks + how.spared,
    )
    bare = [_bare_run(*row) for row in told] if how.most else []
    return [(bench, model, block) for bench, model, block in left_out(session, bare)]


def _bare_run(bench: str, model: str, block: int, disturbed: int, measured: int) -> RunResult:
    """Return a latency run with only what decides which blocks are left out."""
    return RunResult(
        run_id="",
        cell=Cell(model, "", "", ""),
        bench=bench,
        pass_="latency",
        block=block,
        order=0,
        attempt=1,
        outcome=Measured(()) if measured else Failed(Failure("", "", "")),
        started_utc="",
        duration_s=0.0,
        conditions={DISTURBED: bool(disturbed)},
    )


def _note_sessions(database: Database, ids: RowIds, folder: int, made: str) -> None:
    """Write a row for each series that has runs that count, or that were marked invalid.

    `made` says how a folder was made from another one, if it was.
    """
    rows = database.rows(
        "SELECT series, conditions, invalid FROM new_runs "
        "WHERE counts AND (outcome = 'measured' OR invalid != '') ORDER BY series"
    )
    subjects = _subjects(database)
    found = [
        (
            *(series, folder, ids.facts(together(subjects[series])), conditions),
            *("; ".join(filter(None, (made, marks))), invalid),
        )
        for series, conditions, marks, invalid in _by_series(rows)
    ]
    database.run_many("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", found)


def _by_series(
    rows: Iterable[tuple[int, str, str]],
) -> Iterator[tuple[int, str, str, str]]:
    """Yield (series, conditions, marks, why invalid) of runs that come by series."""
    for series, group in groupby(rows, key=itemgetter(0)):
        gathered = Gathered()
        for _, conditions, invalid in group:
            gathered.add(json.loads(conditions), invalid)
        yield (
            series,
            gathered.conditions_text(),
            gathered.marks_text(),
            gathered.invalid_text(),
        )


def _subjects(database: Database) -> Mapping[int, list[Facts]]:
    found: dict[int, list[Facts]] = {}
    for series, facts in database.rows(
        "SELECT series, facts FROM new_runs JOIN facts ON facts.id = subject WHERE counts "
        "AND (outcome = 'measured' OR invalid != '') GROUP BY series, subject ORDER BY min(line)"
    ):
        found.setdefault(series, []).append(json.loads(facts))
    return found


def _used(session: SessionRecord, run: RunResult) -> Iterator[str]:
    for kind in KINDS:
        for _, digits in hashes_of(kind, session, run):
            if digits:
                yield digits


def _word(run: RunResult) -> str:
    match run.outcome:
        case Measured():
            return "measured"
        case Failed():
            return "failed"
        case Skipped():
            return "skipped"


def _why_invalid(run: RunResult) -> str:
    outcome = run.outcome
    invalid = isinstance(outcome, Failed) and outcome.failure.kind == MARKED_INVALID
    return storable(outcome.failure.message) if invalid else ""  # type: ignore[union-attr]
