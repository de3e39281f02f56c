"""The half of a lease that this host keeps: a lock on a file per phone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from harness import locations


def try_lock(bench: str) -> Callable[[], None] | None:
    """Lock a bench on this host for this process; return what unlocks it, None if it is locked.

    The kernel unlocks it when the process ends, however it ends. The file stays, for a lock on a
    file that is being removed would protect nothing.
    """
    path = _path(bench)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)

    def unlock() -> None:
        with suppress(OSError):
            os.close(file)

    return unlock


def locked_by(bench: str) -> int | None:
    """Return the number of the process that has the lock, 0 if it does not say, None if nobody."""
    try:
        file = os.open(_path(bench), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(file, 32, 0)
        return int(said) if said.isdigit() else 0
    else:
        return None
    finally:
        os.close(file)


def _path(bench: str) -> Path:
    return locations.runtime() / "leases" / f"{sha256(bench.encode()).hexdigest()[:16]}.lock"
