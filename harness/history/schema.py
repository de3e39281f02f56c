"""The tables of the index; another number means that an index is made anew.

The number changes with the tables, and with the rules by which they are filled.

    folders    a result folder: its place below the results, how its files looked, its session, how
               many runs it has; `problem` is why it could not be read
    holds      which sessions a folder holds: its own, or those that were merged into it
    counted    the folders of which histories are made: a session that several hold counts once
    cells      model × file × target × variant
    facts      named facts as JSON, each set once: settings and subjects
    hashes     each sha256 or commit that a run used
    uses       which folders have a run that used it
    series     what a history is of: a cell and a pass under one setting
    sessions   a series in a folder: what was measured, under which conditions
    points     a metric of a series in a folder, over the runs that count, in SI units
    changes    change points of points: the first folder that is different
    unjudged   a single row: from which start of a session on change points are to be looked for

Nothing but a folder's own files decides what the index says of it, so folders may come in any
order. Times are UTC as `session.json` writes them, which sort as text.
"""

from __future__ import annotations

SCHEMA = 3

NOTHING = "9999"
"""A start of a session that none has: nothing from here on."""

TABLES = (
    """CREATE TABLE folders (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,
       seen TEXT NOT NULL, suite TEXT NOT NULL, started_utc TEXT NOT NULL, runs INTEGER NOT NULL,
       sessions INTEGER NOT NULL, problem TEXT NOT NULL, hint TEXT NOT NULL)""",
    """CREATE TABLE holds (digest TEXT NOT NULL, folder INTEGER NOT NULL,
       PRIMARY KEY (digest, folder)) WITHOUT ROWID""",
    "CREATE INDEX holds_of_a_folder ON holds (folder)",
    """CREATE VIEW counted AS SELECT * FROM folders WHERE problem = '' AND NOT EXISTS (
       SELECT 1 FROM holds AS own JOIN holds AS its ON its.digest = own.digest
       JOIN folders AS other ON other.id = its.folder
       WHERE own.folder = folders.id AND other.id != folders.id
       AND (other.sessions > folders.sessions
            OR (other.sessions = folders.sessions AND other.path < folders.path)))""",
    """CREATE TABLE cells (id INTEGER PRIMARY KEY, model TEXT NOT NULL, file TEXT NOT NULL,
       target TEXT NOT NULL, variant TEXT NOT NULL, UNIQUE (model, file, target, variant))""",
    "CREATE TABLE facts (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE)",
    "CREATE TABLE hashes (id INTEGER PRIMARY KEY, digits TEXT NOT NULL UNIQUE)",
    """CREATE TABLE uses (hash INTEGER NOT NULL, folder INTEGER NOT NULL,
       PRIMARY KEY (hash, folder)) WITHOUT ROWID""",
    """CREATE TABLE series (id INTEGER PRIMARY KEY, cell INTEGER NOT NULL, pass TEXT NOT NULL,
       bench TEXT NOT NULL, virtual INTEGER NOT NULL, setting INTEGER NOT NULL,
       UNIQUE (cell, pass, bench, virtual, setting))""",
    """CREATE TABLE sessions (series INTEGER NOT NULL, folder INTEGER NOT NULL,
       subject INTEGER NOT NULL, conditions TEXT NOT NULL, marks TEXT NOT NULL,
       invalid TEXT NOT NULL,
       PRIMARY KEY (series, folder)) WITHOUT ROWID""",
    """CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
       unit TEXT NOT NULL)""",
    """CREATE TABLE points (series INTEGER NOT NULL, metric INTEGER NOT NULL,
       folder INTEGER NOT NULL, n INTEGER NOT NULL, median REAL NOT NULL, low REAL NOT NULL,
       high REAL NOT NULL, PRIMARY KEY (series, metric, folder)) WITHOUT ROWID""",
    """CREATE TABLE changes (series INTEGER NOT NULL, metric INTEGER NOT NULL,
       folder INTEGER NOT NULL, seen_in INTEGER NOT NULL, seen_utc TEXT NOT NULL,
       rule TEXT NOT NULL, p REAL,
       PRIMARY KEY (series, metric, folder)) WITHOUT ROWID""",
    "CREATE TABLE unjudged (from_utc TEXT NOT NULL)",
    f"INSERT INTO unjudged VALUES ({NOTHING!r})",  # noqa: S608  a constant of ours
    "CREATE INDEX points_of_a_folder ON points (folder)",
    "CREATE INDEX sessions_of_a_folder ON sessions (folder)",
    "CREATE INDEX uses_of_a_folder ON uses (folder)",
    "CREATE INDEX folders_by_start ON folders (started_utc)",
)

EMPTIED = (
    *(
        # The names are those above.
        f"DELETE FROM {table}"  # noqa: S608
        for table in (
            "folders",
            "holds",
            "cells",
            "facts",
            "hashes",
            "uses",
            "series",
            "sessions",
            "metrics",
            "points",
            "changes",
        )
    ),
    f"UPDATE unjudged SET from_utc = {NOTHING!r}",  # noqa: S608  a constant of ours
)
"""What leaves the tables without a row."""
