"""Writing marks of invalidity, under the lock of the result folder that they are of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.errors import SuiteError
from harness.store.folder import Writer
from harness.store.lines import append_line
from harness.store.marks import (
    MARKS,
    Mark,
    Standing,
    mark_to_line,
    read_marks,
    standing_reasons,
)
from harness.store.used import Used


def add_mark(folder: Path, used: Used, standing: Standing, reason: str) -> bool:
    """Mark what runs of a folder used, or withdraw that; return False if it says so already.

    Raises:
        StoreError: a session writes to the folder, or the disk refuses.
        SuiteError: there is no reason, or the hash is not whole.
    """
    told = " ".join(reason.split())
    if not told:
        raise SuiteError("a mark needs a reason", hint="say in a few words what was wrong")
    if not used.whole:
        raise SuiteError(f"{used} is not a whole hash", hint="name all its digits")
    with Writer(folder):
        known = standing_reasons(read_marks(folder)).get(used)
        if known == (told if standing == "invalid" else None):
            return False
        # To the microsecond: marks of folders that are merged are put in order by it.
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        append_line(folder / MARKS, mark_to_line(Mark(used, standing, told, now)))
    return True
