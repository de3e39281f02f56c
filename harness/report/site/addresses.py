"""Where each page of a site stands: names made of hashes, which no name of anything can bend.

An address is the same in every publication of the same results: it is made of what a session says
of itself, not of where its folder lies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from harness.model import Cell, ResultFolder, RunResult
from harness.report.site.series import Course

ENTRY = "index.html"
FOLDERS = ("runs", "cells", "history", "sessions")
_DIGITS = 16


class Addresses:
    """The pages of these folders, as addresses below the site's own folder."""

    def __init__(self, folders: Sequence[ResultFolder]) -> None:
        told = [_identity(folder) for folder in folders]
        copies = Counter(told)
        self._identities = {
            folder.path: (*own, folder.path) if copies[own] > 1 else own
            for folder, own in zip(folders, told, strict=True)
        }

    def session(self, path: str) -> str:
        """Return the page of the session in a folder, which has this published path."""
        return f"sessions/{_hash(*self._identities[path])}.html"

    def cell(self, path: str, cell: Cell) -> str:
        """Return the page of one cell of a folder."""
        return f"cells/{_hash(*self._identities[path], *_names(cell))}.html"

    def run(self, path: str, run: RunResult) -> str:
        """Return the page of one attempt at a run of a folder."""
        attempt = (run.run_id, run.pass_, str(run.block), str(run.attempt), run.started_utc)
        return f"runs/{_hash(*self._identities[path], *_names(run.cell), *attempt)}.html"


def history_page(course: Course) -> str:
    """Return the page of a cell's course over nights."""
    return f"history/{_hash(course.name)}.html"


def from_below(address: str) -> str:
    """Return an address as a page in one of the site's folders names it."""
    return f"../{address}"


def _identity(folder: ResultFolder) -> tuple[str, ...]:
    own = folder.session
    return (own.suite, own.suite_sha256, own.label, own.started_utc, str(own.seed))


def _names(cell: Cell) -> tuple[str, ...]:
    return (cell.model, cell.file, cell.target, cell.variant)


def _hash(*parts: str) -> str:
    # Names may hold anything, lone surrogates too; a length before each part keeps them apart.
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
