"""What an index holds, as tables."""

from __future__ import annotations

from harness.history.database import Database
from harness.history.refresh import problems
from harness.model import Column, Table
from harness.report.numbers import count

_COUNTED = (
    ("result folders", "SELECT count(*) FROM folders WHERE problem = ''"),
    (
        "of them held by another one too",
        "SELECT count(*) FROM folders WHERE problem = '' AND id NOT IN (SELECT id FROM counted)",
    ),
    ("cells", "SELECT count(DISTINCT cell) FROM series WHERE id IN (SELECT series FROM sessions)"),
    ("series", "SELECT count(DISTINCT series) FROM sessions"),
    ("runs", "SELECT total(runs) FROM folders"),
    ("hashes of what they used", "SELECT count(DISTINCT hash) FROM uses"),
    ("change points", "SELECT count(*) FROM changes"),
)


def index_tables(database: Database) -> tuple[Table, ...]:
    """Return how much there is of everything, and the folders that cannot be read, if any."""
    numbers = [(name, int((database.first(sql) or (0,))[0])) for name, sql in _COUNTED]
    tables = [
        Table(
            name="index",
            title=f"Index {database.path.name}",
            columns=(Column("what", "what"), Column("number", "number", align="right")),
            rows=tuple((name, count(number)) for name, number in numbers),
        )
    ]
    unread = problems(database)
    if unread:
        tables.append(
            Table(
                name="unreadable",
                title="Result folders that cannot be read",
                columns=(
                    Column("folder", "folder"),
                    Column("why", "why"),
                    Column("hint", "next step"),
                ),
                rows=tuple((each.place, each.message, each.hint) for each in unread),
            )
        )
    return tuple(tables)
