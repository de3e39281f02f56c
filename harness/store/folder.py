"""Reading, creating and resuming result folders so that no finished run is ever lost.

`runs.jsonl` is appended under a lock and synced; every other file is written under a
temporary name, synced and renamed. A reader ignores an unterminated last line, a resume
cuts it off. A folder is there with everything that its session noted before the first run, or
is not there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import StoreError
from harness.model import ResultFolder, RunResult, SessionRecord
from harness.store.durable import (
    built_beside,
    cut_unfinished_line,
    finished_lines,
    keep_files,
    open_locked,
    refused,
    sweep,
    sync_folder,
    write_synced,
)
from harness.store.marks import read_marks, with_marks
from harness.store.records import (
    run_from_record,
    run_to_line,
    session_from_record,
    session_to_bytes,
)

RUNS = "runs.jsonl"
SESSION = "session.json"
SUITE = "suite.yaml"
RAW = "raw"
TENSORS = "memory"


class Writer:
    """The one writer of a result folder; use it as a context manager.

    Raises:
        StoreError: another process writes here, or the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = open_locked(path / RUNS)
        try:
            self._end = cut_unfinished_line(self._lines)
        except OSError as error:
            self.close()
            raise refused(path / RUNS, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder free."""
        if self._lines >= 0:
            os.close(self._lines)
            self._lines = -1

    def keep_raw(self, run_id: str, files: Mapping[str, bytes]) -> str:
        """Write what a run left under `raw/<run-id>/` and return that path in the folder."""
        target = self.path / RAW / run_id
        try:
            keep_files(target, files)
        except OSError as error:
            raise refused(target, error) from error
        return f"{RAW}/{run_id}"

    def append(self, run: RunResult) -> None:
        """Append one attempt and sync it; a half-written line is taken back."""
        line = run_to_line(run)
        try:
            # A line that could not be taken back then must not become a part of this one.
            if os.lseek(self._lines, 0, os.SEEK_END) != self._end:
                os.ftruncate(self._lines, self._end)
            written = 0
            while written < len(line):
                written += os.write(self._lines, line[written:])
            os.fsync(self._lines)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._lines, self._end)
            raise refused(self.path / RUNS, error) from error
        self._end += len(line)


def create(
    path: Path,
    session: SessionRecord,
    suite_text: str,
    tensors: Mapping[str, bytes] | None = None,
) -> Writer:
    """Make a new result folder and return its writer.

    `tensors` are those of planned models, by the sha256 of the model's file.

    Raises:
        StoreError: the folder exists and is not empty, or cannot be written.
    """
    try:
        if path.exists() and any(path.iterdir()):
            raise _not_empty(path)
        with built_beside(path) as folder:
            write_synced(folder / SUITE, suite_text.encode())
            if tensors:
                (folder / TENSORS).mkdir()
                for digest, data in tensors.items():
                    write_synced(folder / TENSORS / f"{digest}.json", data)
                sync_folder(folder / TENSORS)
            write_synced(folder / SESSION, session_to_bytes(session))
            write_synced(folder / RUNS, b"")
            (folder / RAW).mkdir()
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            raise _not_empty(path) from error
        raise refused(path, error, "run it again") from error
    return Writer(path)


def resume(path: Path) -> tuple[Writer, ResultFolder]:
    """Take a folder up again: lock it, cut an unfinished line off, return what was written.

    Raises:
        StoreError: not a result folder, damaged, or another process writes here.
    """
    if read_session(path).merged:
        raise StoreError(
            "a merged folder has the runs of several sessions, each with a folder of its own",
            where=str(path),
            hint="continue the session that is not finished, then merge again",
        )
    writer = Writer(path)
    try:
        for partial in (path / RAW).glob(".*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
        sweep(path)
        return writer, read_as_written(path)
    except BaseException:
        writer.close()
        raise


def read(path: Path) -> ResultFolder:
    """Read a result folder; an unterminated last line is not yet a run.

    Runs that used what `marks.jsonl` marks as invalid are read as failed, without numbers.

    Raises:
        StoreError: not a result folder, or a line in it is damaged (named by number).
    """
    return with_marks(read_as_written(path), read_marks(path))


def read_as_written(path: Path) -> ResultFolder:
    """Read a result folder as `read` does, whatever was marked in it since; raises as it does."""
    session = read_session(path)
    return ResultFolder(str(path), session, tuple(run for run, _ in read_lines(path)))


def read_lines(path: Path) -> Iterator[tuple[RunResult, bytes]]:
    """Yield the runs of a folder one by one, each with its line as it was written.

    Raises:
        StoreError: the file cannot be read, or a line is damaged (named by number).
    """
    for number, line in enumerate(finished_lines(path / RUNS), start=1):
        try:
            run = run_from_record(json.loads(line))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise StoreError(
                f"this line is not a run: {error}",
                where=f"{path / RUNS}:{number}",
                hint="restore the line from a backup, or remove it and run with --resume",
            ) from error
        yield run, line


def read_session(path: Path) -> SessionRecord:
    """Read a folder's `session.json`; raises `StoreError`."""
    try:
        return session_from_record(json.loads((path / SESSION).read_bytes()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            "this is not a result folder: it has no session.json",
            where=str(path),
            hint="give a folder that `edgebench run` printed: results/<suite>/<time>_<label>",
        ) from error
    except OSError as error:
        raise refused(path / SESSION, error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"session.json is damaged: {error}",
            where=str(path),
            hint="restore the file from a backup; the runs themselves are in runs.jsonl",
        ) from error


def read_tensors(path: Path) -> Mapping[str, bytes]:
    """Return the tensors that a folder keeps of planned models, by the sha256 of their files.

    Older folders have none.

    Raises:
        StoreError: a file cannot be read.
    """
    try:
        return {file.stem: file.read_bytes() for file in sorted((path / TENSORS).glob("*.json"))}
    except OSError as error:
        raise refused(path / TENSORS, error) from error


def find_folders(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the result folders at or below the given paths, oldest name first.

    Raises:
        StoreError: nothing is found at one of them.
    """
    found: list[Path] = []
    for path in paths:
        if (path / SESSION).is_file():
            found.append(path)
            continue
        below = list(folders_below(path))
        if not below:
            read_session(path)
        found.extend(below)
    return tuple(dict.fromkeys(found))


def folders_below(path: Path) -> Iterator[Path]:
    """Yield the result folders at or below a path, in order of their names.

    Nothing is looked for inside a result folder, whose raw files may be millions, nor in folders
    whose names begin with a dot.
    """
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        # A folder that went away meanwhile, or that is not ours to read, holds no results.
        return
    if any(entry.name == SESSION and entry.is_file() for entry in entries):
        yield path
        return
    for entry in entries:
        if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
            yield from folders_below(path / entry.name)


def _not_empty(path: Path) -> StoreError:
    return StoreError(
        "the folder is not empty",
        where=str(path),
        hint="name another one with --out, or continue this one with --resume",
    )
