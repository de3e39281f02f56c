"""Keeps every finished run, from any lane, on disk before the next one starts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from harness.model import RunResult
from harness.store import Writer
from harness.store.raw import digest_of


class Journal:
    """A result folder's writer behind a lock, so that lanes may share it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._lock = threading.Lock()

    def keep(self, result: RunResult, files: Mapping[str, bytes]) -> RunResult:
        """Write the raw files, then the run's line; return the result with its raw path.

        Raises:
            StoreError: the disk refuses; everything kept before is still there.
        """
        with self._lock:
            if files:
                raw = self._writer.keep_raw(result.run_id, files)
                result = replace(result, raw=raw, raw_sha256=digest_of(files))
            self._writer.append(result)
        return result

    @staticmethod
    def now() -> str:
        """Return the time as results carry it."""
        return datetime.now(UTC).isoformat(timespec="milliseconds")
