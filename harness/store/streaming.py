"""Result folders one run at a time, however many they hold, and where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.model import RunResult, SessionRecord
from harness.store.folder import SESSION, read_lines
from harness.store.marks import marked, read_marks, standing_reasons


def stream_runs(path: Path, session: SessionRecord) -> Iterator[tuple[int, RunResult]]:
    """Yield each run of a folder as `store.read` has it, with the number of its line.

    Raises:
        StoreError: the file cannot be read, or a line in it is damaged (named by number).
    """
    reasons = standing_reasons(read_marks(path))
    for number, (run, _) in enumerate(read_lines(path), start=1):
        yield number, marked(session, run, reasons) if reasons else run


def folders_below(path: Path) -> Iterator[Path]:
    """Yield the result folders at or below a path, in order of their names.

    Nothing is looked for inside a result folder, whose raw files may be millions, nor in folders
    whose names begin with a dot.
    """
    if (path / SESSION).is_file():
        yield path
        return
    try:
        with os.scandir(path) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        # A folder that went away meanwhile, or that is not ours to read, holds no results.
        return
    for name in names:
        yield from folders_below(path / name)
