"""Reading, creating and resuming result folders so that no finished run is ever lost.

`runs.jsonl` is appended under a lock and synced; every other file is written under a
temporary name, synced and renamed. A reader ignores an unterminated last line, a resume
cuts it off.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import StoreError
from harness.model import ResultFolder, RunResult, SessionRecord
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
        self._lines = _open_locked(path / RUNS)

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
        temporary = self.path / RAW / f".{run_id}.partial"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for name, data in files.items():
                _write_synced(temporary / name, data)
            if target.exists():
                shutil.rmtree(target)
            temporary.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            with suppress(OSError):
                shutil.rmtree(temporary)
            raise _refused(target, error) from error
        return f"{RAW}/{run_id}"

    def append(self, run: RunResult) -> None:
        """Append one attempt and sync it; a half-written line is taken back."""
        line = run_to_line(run)
        start = os.lseek(self._lines, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._lines, line[written:])
            os.fsync(self._lines)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._lines, start)
            raise _refused(self.path / RUNS, error) from error


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
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise StoreError(
                "the folder is not empty",
                where=str(path),
                hint="name another one with --out, or continue this one with --resume",
            )
        write_atomically(path / SUITE, suite_text.encode())
        if tensors:
            (path / TENSORS).mkdir()
        for digest, data in (tensors or {}).items():
            write_atomically(path / TENSORS / f"{digest}.json", data)
        write_atomically(path / SESSION, session_to_bytes(session))
        (path / RAW).mkdir()
    except OSError as error:
        raise _refused(path, error) from error
    return Writer(path)


def resume(path: Path) -> tuple[Writer, ResultFolder]:
    """Take a folder up again: lock it, cut an unfinished line off, return what it holds.

    Raises:
        StoreError: not a result folder, damaged, or another process writes here.
    """
    read_session(path)
    writer = Writer(path)
    try:
        _cut_unfinished_line(path / RUNS)
        for partial in (path / RAW).glob(".*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
        return writer, read(path)
    except BaseException:
        writer.close()
        raise


def read(path: Path) -> ResultFolder:
    """Read a result folder; an unterminated last line is not yet a run.

    Raises:
        StoreError: not a result folder, or a line in it is damaged (named by number).
    """
    session = read_session(path)
    runs: list[RunResult] = []
    for number, line in enumerate(_finished_lines(path / RUNS), start=1):
        try:
            runs.append(run_from_record(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"this line is not a run: {error}",
                where=f"{path / RUNS}:{number}",
                hint="restore the line from a backup, or remove it and run with --resume",
            ) from error
    return ResultFolder(str(path), session, tuple(runs))


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
        raise _refused(path / SESSION, error) from error
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
        raise _refused(path / TENSORS, error) from error


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
        below = sorted(inner.parent for inner in path.rglob(SESSION)) if path.is_dir() else []
        if not below:
            read_session(path)
        found.extend(below)
    return tuple(dict.fromkeys(found))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or none: temporary name, sync, rename; raises `OSError`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _write_synced(temporary, data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            "another process is writing to this result folder",
            where=str(path.parent),
            hint="wait for it to end, or write to another folder with --out",
        ) from error
    return descriptor


def _cut_unfinished_line(path: Path) -> None:
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.truncate(path, end)


def _finished_lines(path: Path) -> list[bytes]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _refused(path, error) from error
    return data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]


def _refused(path: Path, error: OSError) -> StoreError:
    hints: dict[Any, str] = {
        errno.ENOSPC: "free some space, then continue with --resume: every finished run is kept",
        errno.EDQUOT: "free some of your quota, then continue with --resume",
        errno.EACCES: "make the folder writable, or choose another one with --out",
        errno.EROFS: "the file system is read-only: choose another folder with --out",
    }
    return StoreError(
        error.strerror or str(error),
        where=str(path),
        hint=hints.get(error.errno, "check the disk, then continue with --resume"),
    )
