"""Files and folders that are whole or absent, whatever ends the process or the power.

What is written goes under a temporary name, is synced, and is renamed; then the folder that it
stands in is synced, so that its name is on the disk too. Temporary names start with a dot, and
end with the process that wrote them and `.partial`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import StoreError

_PARTIAL = ".partial"
_OWNER = re.compile(r"\.(\d+)\.partial$")
_HINTS = {
    errno.ENOSPC: "free some space, then {again}: everything finished is kept",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), then {again}",
    errno.EDQUOT: "free some of your quota, then {again}: everything finished is kept",
    errno.EACCES: "make the folder writable, or choose another one with --out",
    errno.EROFS: "the file system is read-only: choose another folder with --out",
}


def refused(path: Path, error: OSError, again: str = "continue with --resume") -> StoreError:
    """Return the disk's refusal with its next step; `again` is what to do once it is mended."""
    hint = _HINTS.get(error.errno or 0, "check the disk, then {again}")
    return StoreError(error.strerror or str(error), where=str(path), hint=hint.format(again=again))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or none: temporary name, sync, rename; raises `OSError`."""
    temporary = _beside(path)
    try:
        write_synced(temporary, data)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def keep_files(folder: Path, files: Mapping[str, bytes], *, synced: bool = True) -> None:
    """Make a folder of these files, whole or not at all; raises `OSError`.

    One that is there already is replaced. Without `synced` only a process may end at any moment:
    who makes thousands of folders syncs them together, before anything says that they are there.
    """
    temporary = folder.with_name(f".{folder.name}{_PARTIAL}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, data in files.items():
            (write_synced if synced else Path.write_bytes)(temporary / name, data)
        if synced:
            sync_folder(temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(temporary)
        raise
    if synced:
        sync_folder(folder.parent)


@contextmanager
def built_beside(path: Path) -> Iterator[Path]:
    """Give a new folder to fill, which becomes `path` in the end; raises `OSError`.

    `path` is absent or an empty folder until then; one that has come to hold something meanwhile
    stays, and the error is `ENOTEMPTY` or `EEXIST`. What killed processes left beside it goes.
    """
    make_folders(path.parent)
    sweep(path.parent, path.name)
    temporary = _beside(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        sync_folder(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)


def sweep(folder: Path, name: str = "") -> None:
    """Remove what processes that have ended were writing here, of this name or of any."""
    for partial in folder.glob(f".{name or '*'}.*{_PARTIAL}"):
        owner = _OWNER.search(partial.name)
        if owner is None or _runs(int(owner[1])):
            continue
        with suppress(OSError):
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink()


def make_folders(path: Path) -> None:
    """Make a folder and those above it, so that a power cut does not lose them."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    if missing:
        path.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk; raises `OSError`."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_locked(path: Path) -> int:
    """Open a file for appending as its one writer; returns the descriptor.

    Raises:
        StoreError: another process writes to it, or the disk refuses.
    """
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who replaces the file holds its lock: one that was replaced is not the file any more.
        current = os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        current = False
    if not current:
        os.close(descriptor)
        raise StoreError(
            "another process is writing to this result folder",
            where=str(path.parent),
            hint="wait for it to end, or write to another folder with --out",
        )
    return descriptor


def cut_unfinished_line(descriptor: int) -> int:
    """Cut off a file's last line if it has no end; returns the file's size in bytes."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    end = size
    while end:
        start = max(0, end - 65536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return end


def finished_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends, but not an unterminated last one.

    One line is in memory at a time.

    Raises:
        StoreError: the file is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(path, error) from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise refused(path, error) from error


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
