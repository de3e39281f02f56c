"""What a run left, under `raw/<run-id>/`, and the hash by which it is known again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from harness.errors import StoreError
from harness.model import RunResult


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return one sha256 over the names and hashes of files, whatever their order."""
    lines = (f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return sha256("".join(lines).encode()).hexdigest()


def read_raw(folder: Path, run: RunResult) -> Mapping[str, bytes]:
    """Return the files of a run, by name; none if it left none.

    Raises:
        StoreError: they are gone or cannot be read, or the run names a place outside its folder.
    """
    if not run.raw:
        return {}
    place = folder / run.raw
    if not place.resolve().is_relative_to(folder.resolve()):
        raise StoreError(
            f"{run.run_id} keeps its files outside its folder: {run.raw}",
            where=str(folder),
            hint="do not use this folder: it was changed by hand",
        )
    try:
        return {file.name: file.read_bytes() for file in sorted(place.iterdir()) if file.is_file()}
    except OSError as error:
        raise StoreError(
            f"the files of {run.run_id} cannot be read: {error.strerror}",
            where=str(place),
            hint="restore raw/ from a backup; without it nobody can check this run",
        ) from error
