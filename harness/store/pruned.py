"""Raw files that were removed to make room: noted first, then removed, a run's wholly or not.

`runs.jsonl` is never touched. `pruned.json` says when; from then on a run without its files is one
that was pruned, and nobody can check its numbers any more.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import StoreError
from harness.model import ResultFolder, RunResult
from harness.store.durable import refused, sync_folder, write_atomically
from harness.store.folder import RAW, Writer, read_as_written

PRUNED = "pruned.json"
_SCHEMA = 1
_GOING = ".pruning"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `pruned.json` says: when raw files were removed last."""

    pruned_utc: str

    def explains(self, run: RunResult) -> bool:
        """Tell whether a run without files was pruned: it was made before."""
        return datetime.fromisoformat(run.started_utc) <= datetime.fromisoformat(self.pruned_utc)


@dataclass(frozen=True, slots=True)
class RawFiles:
    """How many runs of a folder still have their files, and their size in all."""

    runs: int
    size_bytes: int


def read_pruned(folder: Path) -> Pruned | None:
    """Return what was pruned in a folder, None if nothing was.

    Raises:
        StoreError: the note cannot be read, is damaged, or of a newer edgebench.
    """
    path = folder / PRUNED
    try:
        record = json.loads(path.read_bytes())
        found, newer = Pruned(str(record["pruned_utc"])), record["schema"] > _SCHEMA
        datetime.fromisoformat(found.pruned_utc)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"this is not the note of what was pruned: {error!r}",
            where=str(path),
            hint="restore it from a backup, or prune again, which writes it anew",
        ) from error
    if newer:
        raise StoreError(
            f"the note has schema {record['schema']}, known is {_SCHEMA}",
            where=str(path),
            hint="update edgebench: it was written by a newer one",
        )
    return found


def pruned_to_bytes(pruned: Pruned) -> bytes:
    """Return the text of `pruned.json`."""
    record = {"schema": _SCHEMA, "pruned_utc": pruned.pruned_utc}
    return json.dumps(record, indent=2).encode() + b"\n"


def pruned_on(folder: Path, run: RunResult) -> str:
    """Return the date on which a run's raw files were pruned, '' if they were not.

    Raises:
        StoreError: as `read_pruned`.
    """
    if not run.raw or (folder / run.raw).exists():
        return ""
    pruned = read_pruned(folder)
    return pruned.pruned_utc[:10] if pruned and pruned.explains(run) else ""


def last_run_utc(results: ResultFolder) -> datetime:
    """Return when the last run of a folder began, or the session where it has none."""
    stamps = [results.session.started_utc, *(run.started_utc for run in results.runs)]
    return max(datetime.fromisoformat(stamp) for stamp in stamps)


def raw_files(folder: Path) -> RawFiles:
    """Count what pruning a folder would remove."""
    places = list(_raw_places(folder))
    sizes = (file.stat().st_size for place in places for file in place.rglob("*"))
    return RawFiles(len(places), sum(sizes))


def prune(folder: Path, older_than: datetime) -> RawFiles:
    """Remove the raw files of a folder whose last run began before a time; return what went.

    Raises:
        StoreError: a session writes to it, or the disk refuses; what is left is whole.
    """
    with Writer(folder):
        if last_run_utc(read_as_written(folder)) >= older_than:
            raise StoreError(
                "a run was added meanwhile", where=str(folder), hint="prune again when it is old"
            )
        found = raw_files(folder)
        try:
            if found.runs:
                now = Pruned(datetime.now(UTC).isoformat())
                write_atomically(folder / PRUNED, pruned_to_bytes(now))
            for place in _raw_places(folder):
                # Under another name first: whatever ends this, no run is left with half its files.
                place.rename(place.with_name(f".{place.name}{_GOING}"))
            if found.runs:
                sync_folder(folder / RAW)
            for left in (folder / RAW).glob(f".*{_GOING}"):
                shutil.rmtree(left)
        except OSError as error:
            raise refused(folder / RAW, error, "prune again") from error
    return found


def _raw_places(folder: Path) -> Iterator[Path]:
    raw = folder / RAW
    if raw.is_dir():
        yield from (p for p in sorted(raw.iterdir()) if p.is_dir() and not p.name.startswith("."))
