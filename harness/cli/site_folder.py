"""The folder of a site: nobody else's is written over, and no reader ever meets half a site.

Every file is replaced whole. New pages are written first, since nothing leads to them yet; then
those that were there before are replaced, the entry page last; what a former site left is removed
after that. At every moment each link that a reader can reach leads somewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.report.site.addresses import ENTRY, FOLDERS
from harness.report.site.page_files import GENERATOR, PageFile
from harness.report.site.publication import PUBLICATION
from harness.report.site.site_files import PICTURES
from harness.store import write_atomically

_HEAD_BYTES = 4096
_OURS = re.compile(r"[0-9a-f]{16}\.html|[a-z_0-9]+\.svg")
_UNFINISHED = re.compile(r"\..+\.partial")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the entry page, how many HTML pages there are, and the size of it all."""

    entry: Path
    pages: int
    total_bytes: int


class SiteFolder:
    """A folder that is new, empty, or holds a site of ours.

    Raises:
        StoreError: it holds anything else, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._check_ours()

    def write(self, files: Iterable[PageFile]) -> Written:
        """Write a site in place of the one that is here.

        Raises:
            StoreError: the disk refuses; the entry page is then the former one.
        """
        sizes: dict[str, int] = {}
        to_replace: dict[Path, Path] = {}
        entry = b""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for file in files:
                sizes[file.place] = len(file.content)
                if file.place == ENTRY:
                    entry = file.content
                else:
                    to_replace |= self._written_or_ready(file)
            # A power cut must leave no page torn that was whole, nor an entry page that leads to
            # pages never written.
            os.sync()
            for temporary, path in to_replace.items():
                temporary.replace(path)
            write_atomically(self.path / ENTRY, entry)
            self._remove_all_but(sizes)
        except OSError as error:
            raise _refused(self.path, error) from error
        finally:
            for temporary in to_replace:
                temporary.unlink(missing_ok=True)
        pages = sum(place.endswith(".html") for place in sizes)
        return Written(self.path / ENTRY, pages, sum(sizes.values()))

    def _written_or_ready(self, file: PageFile) -> dict[Path, Path]:
        """Write a new file; return where one that takes another's place waits, and that place."""
        path = self.path / file.place
        path.parent.mkdir(exist_ok=True)
        there = path.is_file()
        if there and path.read_bytes() == file.content:
            return {}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            temporary.write_bytes(file.content)
            if there:
                return {temporary: path}
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return {}

    def _remove_all_but(self, places: Collection[str]) -> None:
        for path in self.path.glob(".*.partial"):
            path.unlink(missing_ok=True)
        for path in list(self._inner_files()):
            if f"{path.parent.name}/{path.name}" not in places:
                path.unlink(missing_ok=True)
        for name in (*FOLDERS, PICTURES):
            folder = self.path / name
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _inner_files(self) -> Iterator[Path]:
        for name in (*FOLDERS, PICTURES):
            folder = self.path / name
            yield from folder.iterdir() if folder.is_dir() else ()

    def _check_ours(self) -> None:
        try:
            foreign = sorted(self._foreign())
        except OSError as error:
            raise _refused(self.path, error) from error
        if foreign:
            raise StoreError(
                f"the folder has {foreign[0]!r} in it, which `edgebench publish` did not write",
                where=str(self.path),
                hint="name a new or empty folder with --out, or one that was published to before",
            )

    def _foreign(self) -> Iterator[str]:
        known = {ENTRY, PUBLICATION, PICTURES, *FOLDERS}
        names = [path.name for path in self.path.iterdir()] if self.path.exists() else []
        yield from (n for n in names if n not in known and not _UNFINISHED.fullmatch(n))
        if ENTRY in names and not self._entry_is_ours():
            yield ENTRY
        for path in self._inner_files():
            if not (_OURS.fullmatch(path.name) or _UNFINISHED.fullmatch(path.name)):
                yield f"{path.parent.name}/{path.name}"

    def _entry_is_ours(self) -> bool:
        with (self.path / ENTRY).open("rb") as file:
            return f'<meta name="generator" content="{GENERATOR}">'.encode() in file.read(
                _HEAD_BYTES
            )


def _refused(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the site cannot be written: {error.strerror}",
        where=str(path),
        hint="choose another folder with --out, or make room there",
    )
