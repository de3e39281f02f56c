"""Forward from a hash: the result folders that have a run which used it."""

from __future__ import annotations

from harness.history.database import Database


def places_using(database: Database, digits: str) -> frozenset[str]:
    """Return the places of the folders with a run that used what begins with these digits.

    They lie below the results. `digits` are hexadecimal, of a sha256 or a commit.
    """
    rows = database.rows(
        "SELECT DISTINCT path FROM hashes JOIN uses ON hash = hashes.id "
        "JOIN folders ON folders.id = folder WHERE digits >= ? AND digits < ?",
        digits,
        # After the last digit, f, so that the range is all that begins with these digits.
        digits + "g",
    )
    return frozenset(path for (path,) in rows)
