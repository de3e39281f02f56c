"""Which values of a table say good or bad news, for formats that have colours."""

from __future__ import annotations

from typing import Literal, TypeAlias

Standing: TypeAlias = Literal["good", "bad", "failed", "doubt"]

_JUDGING_COLUMNS = frozenset({"verdict", "outcome", "standing"})
_STANDINGS: dict[str, Standing] = {
    "faster": "good",
    "slower": "bad",
    "failed": "failed",
    "invalid": "failed",
    "missing": "bad",
    "hot": "bad",
    "stale": "doubt",
    "disturbed": "doubt",
    "noisy": "doubt",
    "virtual": "doubt",
    "unclear": "doubt",
    "skipped": "doubt",
    "not": "doubt",
    "no": "doubt",
}


def standing(column_key: str, text: str) -> Standing | None:
    """Return what a value says by its first word, None where it says neither."""
    if column_key not in _JUDGING_COLUMNS:
        return None
    return _STANDINGS.get(text.partition(" ")[0].rstrip(":,"))
