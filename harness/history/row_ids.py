"""The ids of rows that many others name; a row that is missing is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from typing import Any

from harness.history.database import Database
from harness.model import Cell, Facts

_MOST_KNOWN = 5_000


class RowIds:
    """Ids inside one transaction: what it made is forgotten with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Hashable, int] = {}

    def cell(self, cell: Cell) -> int:
        """Return the id of a cell."""
        row = tuple(map(storable, (cell.model, cell.file, cell.target, cell.variant)))
        return self._id("cells", ("model", "file", "target", "variant"), row)

    def metric(self, name: str, unit: str) -> int:
        """Return the id of a metric; its unit is that of whoever came first."""
        row = storable(name)
        return self._find(("metrics", row), lambda: self._metric(row, storable(unit)))

    def facts(self, facts: Facts) -> int:
        """Return the id of a set of facts."""
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return self._id("facts", ("facts",), (text,))

    def used(self, digits: str) -> int:
        """Return the id of a sha256 or a commit."""
        return self._id("hashes", ("digits",), (storable(digits),))

    def series(self, cell: int, pass_: str, bench: str, virtual: bool, setting: int) -> int:
        """Return the id of a series."""
        row = (cell, storable(pass_), storable(bench), int(virtual), setting)
        return self._id("series", ("cell", "pass", "bench", "virtual", "setting"), row)

    def _id(self, table: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> int:
        return self._find((table, row), lambda: self._found_or_made(table, columns, row))

    def _find(self, key: Hashable, find: Callable[[], int]) -> int:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = find()
        return found

    def _found_or_made(self, table: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> int:
        # The names are ours, written above; only values come from result folders.
        same = " AND ".join(f"{column} = ?" for column in columns)
        found = self._database.first(f"SELECT id FROM {table} WHERE {same}", *row)  # noqa: S608
        if found is not None:
            return int(found[0])
        marks = ", ".join("?" * len(columns))
        into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        return self._database.run(into, *row)

    def _metric(self, name: str, unit: str) -> int:
        found = self._database.first("SELECT id FROM metrics WHERE name = ?", name)
        if found is not None:
            return int(found[0])
        return self._database.run("INSERT INTO metrics (name, unit) VALUES (?, ?)", name, unit)


def storable(text: str) -> str:
    """Return a text as SQLite takes it: halves of characters, as odd names have, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
