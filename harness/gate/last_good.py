"""The folder in which builds are kept: parts by their hash, and two small files that name them.

`build.json` names the last good build, `reference.json` the pinned one; each is replaced whole, so
that last good moves at once or not at all. `parts/<sha256>/` holds the files of a part, which are
written under a temporary name first and never changed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.gate.builds import (
    Build,
    KeptNight,
    Part,
    digest_of,
    night_from_bytes,
    night_to_bytes,
)
from harness.gate.collecting import Collected, sha256_of
from harness.store import write_atomically
from harness.store.durable import make_folders, sweep

BUILD = "build.json"
REFERENCE = "reference.json"
PARTS = "parts"


@dataclass(frozen=True, slots=True)
class LastGood:
    """The kept builds of one suite."""

    root: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other gate judge by this folder, or move what it keeps, meanwhile.

        Raises:
            StoreError: another one does already, or the folder cannot be written.
        """
        try:
            make_folders(self.root)
            descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._refused(error) from error
        try:
            self._lock(descriptor)
            sweep(self.root)
            yield
        finally:
            os.close(descriptor)

    def read(self) -> KeptNight | None:
        """Return the last good build; None before the first night. Raises `StoreError`."""
        return self._read(BUILD)

    def read_reference(self) -> KeptNight | None:
        """Return the pinned reference; before one is pinned, the last good build itself.

        Raises:
            StoreError: it is damaged.
        """
        return self._read(REFERENCE) or self.read()

    def folder(self, part: Part) -> Path:
        """Return where the files of a part lie."""
        return self.root / PARTS / part.sha256

    def check(self, build: Build) -> None:
        """Hash the files of a kept build again.

        Raises:
            StoreError: one of them is gone or changed.
        """
        for name, part in build.parts.items():
            found = {inside: sha256_of(self.folder(part) / inside) for inside in part.files}
            if digest_of(found) != part.sha256:
                raise StoreError(
                    f"the files of {name} were changed since they were kept",
                    where=str(self.folder(part)),
                    hint=f"delete {self.root}: the next gate then keeps its own build, and "
                    "compares from the night after on",
                )

    def stage(self, collected: Collected) -> None:
        """Copy the parts of a build that are not kept yet.

        Raises:
            StoreError: the disk refuses, or a file changed while it was copied.
        """
        for name, part in collected.build.parts.items():
            if not self.folder(part).is_dir():
                self._copy(name, part, collected.files[name])

    def keep(self, night: KeptNight) -> None:
        """Make a staged build the last good one; raises `StoreError`."""
        self._write(BUILD, night)

    def pin(self, night: KeptNight) -> None:
        """Make a staged build the reference; raises `StoreError`."""
        self._write(REFERENCE, night)

    def prune(self) -> None:
        """Remove the parts that neither of the two builds has any more."""
        kept = {
            part.sha256
            for night in (self.read(), self.read_reference())
            if night is not None
            for part in night.build.parts.values()
        }
        for folder in (self.root / PARTS).glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                "another gate is at work on this suite",
                where=str(self.root),
                hint="wait for it to end",
            ) from error

    def _copy(self, name: str, part: Part, files: Mapping[str, Path]) -> None:
        target = self.folder(part)
        staging = target.with_name(f".{part.sha256}.partial")
        try:
            shutil.rmtree(staging, ignore_errors=True)
            make_folders(target.parent)
            for inside, path in files.items():
                copied = staging / inside
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copied)
                _sync(copied)
            if digest_of({inside: sha256_of(staging / inside) for inside in files}) != part.sha256:
                raise StoreError(
                    f"the files of {name} changed while the gate copied them",
                    where=str(next(iter(files.values())).parent),
                    hint="let the build end before the gate begins",
                )
            for folder in (staging, *(each for each in staging.rglob("*") if each.is_dir())):
                _sync(folder)
            staging.rename(target)
            _sync(target.parent)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _read(self, name: str) -> KeptNight | None:
        path = self.root / name
        try:
            return night_from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"this is not what a gate keeps: {error}",
                where=str(path),
                hint="restore it from a backup; or delete it, and a night will keep its own build",
            ) from error

    def _write(self, name: str, night: KeptNight) -> None:
        try:
            write_atomically(self.root / name, night_to_bytes(night))
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            f"the last good build cannot be kept: {error.strerror or error}",
            where=str(self.root),
            hint="free some space, or make the folder writable; what was measured is kept, and "
            "--resume goes on",
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
