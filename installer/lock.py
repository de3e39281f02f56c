"""One set-up at a time in a checkout."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.teller import Teller


@contextmanager
def only_one(folder: Path, teller: Teller) -> Iterator[int]:
    """Hold the lock of this checkout; yields its file descriptor.

    Programs that inherit the descriptor hold the lock too: when the installer is killed
    outright, the next one waits until the pip or npm that it left behind has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            teller.done("setup", "another set-up is at work in this checkout: waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
