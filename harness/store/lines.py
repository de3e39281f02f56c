"""Files that only grow, a line at a time: appended whole and synced, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.store.durable import cut_unfinished_line, open_locked, refused, sync_folder

_AGAIN = "give the same command again"


def append_line(path: Path, line: bytes) -> None:
    """Append a line and sync it, after cutting off what a killed writer left of its own.

    `line` ends with its newline.

    Raises:
        StoreError: another process appends at this moment, or the disk refuses; then the file is
            as it was.
    """
    new = not path.exists()
    descriptor = open_locked(path)
    try:
        end = cut_unfinished_line(descriptor)
        try:
            written = 0
            while written < len(line):
                written += os.write(descriptor, line[written:])
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            raise
        if new:
            sync_folder(path.parent)
    except OSError as error:
        raise refused(path, error, _AGAIN) from error
    finally:
        os.close(descriptor)
