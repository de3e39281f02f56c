"""Result folders one run at a time, however many they hold, and where they lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from harness.errors import StoreError
from harness.model import RunResult
from harness.store.folder import RUNS, SESSION, read_session
from harness.store.marks import marked, read_marks, standing_reasons
from harness.store.records import run_from_record


def stream_runs(path: Path) -> Iterator[tuple[int, RunResult]]:
    """Yield each run of a folder with the number of its line; only one is held at a time.

    Runs that used what is marked as invalid come as failed, as `harness.store.read` gives them.

    Raises:
        StoreError: the file cannot be read, or a line in it is damaged (named by number).
    """
    file = path / RUNS
    reasons = standing_reasons(read_marks(path))
    session = read_session(path) if reasons else None
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                # Only a last line can be without its end: it is not yet a run.
                if line.endswith(b"\n"):
                    run = _run(line, file, number)
                    yield number, run if session is None else marked(session, run, reasons)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            error.strerror or str(error),
            where=str(file),
            hint="make the folder readable, or move it out of the results",
        ) from error


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


def _run(line: bytes, file: Path, number: int) -> RunResult:
    try:
        return run_from_record(json.loads(line))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"this line is not a run: {error!r}",
            where=f"{file}:{number}",
            hint="restore the line from a backup, or remove it and run with --resume",
        ) from error
