"""Result folders one run at a time, however many they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.model import RunResult, SessionRecord
from harness.store.folder import read_lines
from harness.store.marks import marked, read_marks, standing_reasons


def stream_runs(path: Path, session: SessionRecord) -> Iterator[tuple[int, RunResult]]:
    """Yield each run of a folder as `store.read` has it, with the number of its line.

    Raises:
        StoreError: the file cannot be read, or a line in it is damaged (named by number).
    """
    reasons = standing_reasons(read_marks(path))
    for number, (run, _) in enumerate(read_lines(path), start=1):
        yield number, marked(session, run, reasons) if reasons else run
