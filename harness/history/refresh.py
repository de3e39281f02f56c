"""Bringing the index up to what the result folders hold: new and changed ones, or all anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path
from typing import TypeVar

from harness import locations
from harness.counted import counted
from harness.errors import StoreError
from harness.history.database import (
    PLACE,
    Database,
    IndexBusy,
    IndexDamaged,
    IndexRefused,
    discard,
    open_database,
)
from harness.history.row_ids import storable
from harness.history.schema import EMPTIED, NOTHING

PUBLICATIONS = "publications.jsonl"
"""As `harness.store.publications` names it; importing that would cost every `history` its time."""

Tell = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """A result folder that cannot be read: its place below the results, why, and what to do."""

    place: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was done: how many folders were read, had not changed, and are gone."""

    taken_in: int
    unchanged: int
    gone: int


def ask_index(results: Path, ask: Callable[[Database], T], tell: Tell, *, whole: bool = False) -> T:
    """Bring the index of a folder of results up to date and ask it; `tell` is given messages.

    A damaged index is made anew once. Where another process is writing it for long, the answer
    is from before, and that is told; with `whole`, there is none.

    Raises:
        IndexBusy: the answer would be from before, and `whole` does not take that.
        StoreError: there are no results, or the disk refuses.
    """
    try:
        with opened(results, tell) as database:
            try:
                refresh(database, results, tell)
            except IndexBusy as busy:
                if whole:
                    raise
                tell(f"{busy.message}: what it adds is not yet shown")
            return ask(database)
    except IndexDamaged as error:
        _discard_damaged(results, error, tell)
    with opened(results, tell) as database:
        refresh(database, results, tell)
        return ask(database)


def rebuild(results: Path, tell: Tell) -> Refreshed:
    """Make the index anew from all folders; until that is done, the old one stays in use.

    Raises:
        StoreError: there are no results, or the disk refuses.
    """
    try:
        return _rebuilt(results, tell)
    except IndexDamaged as error:
        _discard_damaged(results, error, tell)
    return _rebuilt(results, tell)


def index_file(results: Path) -> Path:
    """Return where the index of a folder of results lies: in it, if it can be written to.

    Of results that are only there to be read it lies in the user's cache.
    """
    inside = results / PLACE
    if os.access(inside.parent if inside.parent.is_dir() else results, os.W_OK):
        return inside
    whose = blake2s(str(results.resolve()).encode("utf-8", "surrogateescape"), digest_size=8)
    return locations.cache() / "index" / f"{whose.hexdigest()}.sqlite"


@contextmanager
def opened(results: Path, tell: Tell) -> Iterator[Database]:
    """Open the index of a folder of results, as it is.

    Raises:
        StoreError: there is no such folder, or the disk refuses.
    """
    if not results.is_dir():
        raise StoreError(
            "there is no such folder of results",
            where=str(results),
            hint="name the folder that holds the result folders with --results",
        )
    database, mended = open_database(index_file(results))
    if mended:
        tell(mended)
    with database:
        yield database


def refresh(database: Database, results: Path, tell: Tell) -> Refreshed:
    """Take in what is new or changed, each folder in a transaction of its own.

    Raises:
        IndexBusy: another process writes for long.
        IndexDamaged: the file must be made anew.
    """
    unchanged = _look(database, results)
    waiting = _number(database, "SELECT count(*) FROM found")
    gone = _forget_gone(database)
    if waiting:
        tell(f"taking in {counted(waiting, 'result folder')}")
    for place, looks in list(database.rows("SELECT place, looks FROM found ORDER BY place")):
        with database.transaction():
            _take(database, results, place, looks, tell)
    # Also what another process took in, and was ended before it could judge.
    if database.first("SELECT from_utc FROM unjudged") != (NOTHING,):
        _judge(database)
    return Refreshed(waiting, unchanged, gone)


def problems(database: Database) -> tuple[Problem, ...]:
    """Return the folders that could not be read."""
    told = "SELECT path, problem, hint FROM folders WHERE problem != '' ORDER BY path"
    return tuple(Problem(*row) for row in database.rows(told))


def _rebuilt(results: Path, tell: Tell) -> Refreshed:
    with opened(results, tell) as database:
        with database.transaction():
            for statement in EMPTIED:
                database.run(statement)
            _look(database, results)
            waiting = _number(database, "SELECT count(*) FROM found")
            tell(f"taking in {counted(waiting, 'result folder')}")
            places = database.rows("SELECT place, looks FROM found ORDER BY place")
            for place, looks in list(places):
                _take(database, results, place, looks, tell)
            _judge(database)
        database.sync()
    return Refreshed(waiting, 0, 0)


def _look(database: Database, results: Path) -> int:
    """Note all folders that are there, leave those that changed, and return how many did not."""
    from harness.store.folder import folders_below

    for statement in (
        "CREATE TEMP TABLE IF NOT EXISTS found (place TEXT PRIMARY KEY, looks TEXT NOT NULL)",
        "CREATE TEMP TABLE IF NOT EXISTS there (place TEXT PRIMARY KEY)",
        "DELETE FROM found",
        "DELETE FROM there",
    ):
        database.run(statement)
    database.run_many(
        "INSERT OR REPLACE INTO found VALUES (?, ?)",
        (
            (storable(path.relative_to(results).as_posix()), looks_of(path))
            for path in folders_below(results)
        ),
    )
    database.run("INSERT INTO there SELECT place FROM found")
    database.run(
        "DELETE FROM found WHERE EXISTS "
        "(SELECT 1 FROM folders WHERE folders.path = place AND folders.seen = looks)"
    )
    there = _number(database, "SELECT count(*) FROM there")
    return there - _number(database, "SELECT count(*) FROM found")


def looks_of(folder: Path) -> str:
    """Return what changes whenever one of a folder's own files does: a hash of names and times.

    What lies deeper, as raw files do, is not looked at, nor where the folder was published.
    """
    try:
        with os.scandir(folder) as entries:
            files = sorted(
                f"{entry.name}\0{state.st_size}\0{state.st_mtime_ns}"
                for entry in entries
                if not entry.name.startswith(".")
                and entry.name != PUBLICATIONS
                and entry.is_file()
                and (state := entry.stat()) is not None
            )
    except OSError as error:
        return f"not readable: {error.strerror}"
    return blake2s("\0".join(files).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _forget_gone(database: Database) -> int:
    gone = "SELECT path FROM folders WHERE path NOT IN (SELECT place FROM there)"
    if database.first(gone) is None:
        return 0
    from harness.history.taking_in import forget

    with database.transaction():
        places = [place for (place,) in database.rows(gone)]
        for place in places:
            forget(database, place)
    return len(places)


def _take(database: Database, results: Path, place: str, looks: str, tell: Tell) -> None:
    from harness import store
    from harness.history.taking_in import Seen, take_in, take_in_problem
    from harness.store.streaming import stream_runs

    known = database.first("SELECT seen FROM folders WHERE path = ?", place)
    if known == (looks,):
        # Another process was quicker.
        return
    seen, path = Seen(place, looks), results / place
    try:
        with database.transaction():
            session = store.read_session(path)
            take_in(database, seen, session, stream_runs(path, session))
    except (IndexBusy, IndexDamaged, IndexRefused):
        # The folder is not at fault. SQLite has rolled back the whole transaction by now, so what
        # would be written after this would stand in another one.
        raise
    except StoreError as error:
        take_in_problem(database, seen, error)
        tell(f"{place} is left out: {error.message}")


def _judge(database: Database) -> None:
    from harness.history.judging import judge

    judge(database)


def _discard_damaged(results: Path, error: IndexDamaged, tell: Tell) -> None:
    discard(index_file(results), error.inode)
    tell("the index was damaged: it is made anew")


def _number(database: Database, sql: str) -> int:
    row = database.first(sql)
    return int(row[0]) if row else 0
