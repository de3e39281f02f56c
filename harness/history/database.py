"""The door to SQLite: one index file, its transactions, and its errors as ours.

Every change is a transaction in write-ahead logging, so a killed process leaves the index as it
was before, and a reader never waits for a writer (https://www.sqlite.org/wal.html). Two writers
take turns.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import StoreError
from harness.history.schema import SCHEMA, TABLES

PLACE = Path(".index") / "edgebench.sqlite"
"""Where the index of a folder of results lies in it."""

WAITS_S = 30.0
"""How long a writer waits for another one."""

_CACHE_KIB = 2 * 1024
_BESIDE = ("", "-wal", "-shm")
_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)

_WHOLE = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_PART = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


class IndexDamaged(StoreError):
    """The index file is not one, or parts of it are lost; it can be deleted.

    `inode` says which file that was, should another process have made it anew.
    """

    inode: int | None = None


class IndexBusy(StoreError):
    """Another process writes to the index, and goes on doing so."""


class IndexRefused(StoreError):
    """The disk does not take what is written; the index says what it said before."""


class Database:
    """An open index; use it as a context manager. Every method raises `StoreError`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.inode = path.stat().st_ino
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def rows(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""
        with self._errors():
            yield from self._connection.execute(sql, values)

    def first(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query, None without one."""
        return next(self.rows(sql, *values), None)

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement and return the id of the row that it inserted, if it did."""
        with self._errors():
            return self._connection.execute(sql, values).lastrowid or 0

    def run_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Execute a statement for each row of values."""
        with self._errors():
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that is written inside one change, or none of it; one may stand in another.

        Raises:
            IndexBusy: another process has been writing for half a minute.
        """
        inside = self._connection.in_transaction
        begin, end, undo = _PART if inside else _WHOLE
        self.run(begin)
        try:
            yield
            self.run(end)
        except BaseException:
            with suppress(sqlite3.Error):
                for statement in undo:
                    self._connection.execute(statement)
            raise

    def sync(self) -> None:
        """Bring what the log holds into the file, and onto the disk."""
        self.first("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            known = _translated(error, self.path)
            if known is None:
                raise
            if isinstance(known, IndexDamaged):
                known.inode = self.inode
            raise known from error


def open_database(path: Path) -> tuple[Database, str]:
    """Open the index, making it first where there is none; return it with what was mended.

    One of another schema, or one that is no database, is made anew, empty.

    Raises:
        StoreError: the disk refuses.
    """
    seen = _inode(path)
    try:
        return _opened(path)
    except IndexDamaged:
        discard(path, seen)
        return _opened(path)[0], "the index was damaged: it is made anew"


def discard(path: Path, inode: int | None) -> None:
    """Delete a damaged index, known by its inode, with what SQLite keeps beside it.

    Where another process has made it anew meanwhile, that one stays.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        with path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _inode(path) == inode:
                for ending in _BESIDE:
                    path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, str(error)) from error


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _opened(path: Path) -> tuple[Database, str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAITS_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _refused(path, str(error)) from error
    database = Database(path, connection)
    mended = ""
    try:
        if database.first("PRAGMA user_version") != (SCHEMA,):
            database.first("PRAGMA journal_mode = WAL")
            mended = _make_tables(database)
        # A power cut may take the last changes, never the whole: the folders still have them.
        database.run("PRAGMA synchronous = NORMAL")
        database.run(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except BaseException:
        database.close()
        raise
    return database, mended


def _make_tables(database: Database) -> str:
    """Make the tables in place of those of another schema; another process may have done it."""
    with database.transaction():
        if database.first("PRAGMA user_version") == (SCHEMA,):
            return ""
        old = list(
            database.rows("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')")
        )
        for kind, name in old:
            quoted = name.replace('"', '""')
            database.run(f'DROP {kind} "{quoted}"')
        for table in TABLES:
            database.run(table)
        database.run(f"PRAGMA user_version = {SCHEMA}")
    return "the index is of another version of edgebench: it is made anew" if old else ""


def _translated(error: sqlite3.Error, path: Path) -> StoreError | None:
    """Return what an error of SQLite is here, None for a mistake in our own statements."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return IndexDamaged(
            f"the index is damaged: {error}",
            where=str(path),
            hint="make it anew: edgebench index --rebuild; the result folders are not touched",
        )
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return IndexBusy(
            "another process is writing to the index",
            where=str(path),
            hint="wait until it has ended, then try again",
        )
    return _refused(path, str(error)) if code in _DISK else None


def _refused(path: Path, said: str) -> IndexRefused:
    return IndexRefused(
        f"the index cannot be written: {said}",
        where=str(path),
        hint="free some space and make the folder writable; the index is a cache beside the "
        "result folders, which are not touched",
    )
