"""Notes that several tables of a section share: what is said of all of them is said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.model import Table

SHARED_TITLE = "About the tables above"


def shared_notes(tables: Sequence[Table]) -> list[str]:
    """Return the notes that more than one of these tables has, in the order of their coming."""
    tellers = Counter(note for table in tables for note in dict.fromkeys(table.notes))
    return [note for note, number in tellers.items() if number > 1]
