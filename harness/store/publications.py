"""Where the tables of a result folder were published: `publications.jsonl`, which only grows.

Each folder knows the pages and files that show it, so that what turns out to be wrong in it leads
to them. Places are noted as seen from the folder: they hold while both move together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness.errors import StoreError
from harness.store.durable import finished_lines
from harness.store.folder import RUNS
from harness.store.lines import append_line
from harness.store.marks import MARKS

PUBLICATIONS = "publications.jsonl"
_SCHEMA = 1

Way: TypeAlias = Literal["--out", "--into"]


@dataclass(frozen=True, slots=True)
class Publication:
    """One page or file that shows a folder's tables.

    `to` is the page's folder or the file, `sources` are the folders that were named, `options` what
    else was asked; `runs_sha256` and `marks_sha256` are of what the folder said then ('' where it
    had no such file).
    """

    way: Way
    to: str
    sources: tuple[str, ...]
    options: tuple[str, ...]
    published_utc: str
    runs_sha256: str
    marks_sha256: str

    def command(self, folder: Path) -> tuple[str, ...]:
        """Return the command that publishes the same again, as seen from the current folder."""
        sources = (_from_here(folder / source) for source in self.sources)
        return ("edgebench", "publish", *sources, self.way, self.place(folder), *self.options)

    def place(self, folder: Path) -> str:
        """Return where it was published, as seen from the current folder."""
        return _from_here(folder / self.to)

    def is_current(self, folder: Path) -> bool:
        """Tell whether the folder still says what it said then; raises `StoreError`."""
        return (self.runs_sha256, self.marks_sha256) == _state(folder)


def note_publication(
    folder: Path, way: Way, to: Path, sources: Sequence[Path], options: Sequence[str] = ()
) -> None:
    """Note that a folder's tables stand at `to`; says nothing twice.

    Raises:
        StoreError: the folder cannot be written to.
    """
    runs, marks = _state(folder)
    noted = Publication(
        way=way,
        to=_seen_from(folder, to),
        sources=tuple(_seen_from(folder, source) for source in sources),
        options=tuple(options),
        published_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        runs_sha256=runs,
        marks_sha256=marks,
    )
    before = [each for each in read_publications(folder) if each.to == noted.to]
    if any(replace(each, published_utc=noted.published_utc) == noted for each in before):
        return
    line = json.dumps({"schema": _SCHEMA, **asdict(noted)}, separators=(",", ":"))
    append_line(folder / PUBLICATIONS, line.encode() + b"\n")


def read_publications(folder: Path) -> tuple[Publication, ...]:
    """Return the last note on each place where a folder's tables were published.

    Raises:
        StoreError: the notes cannot be read, are damaged, or of a newer edgebench.
    """
    path = folder / PUBLICATIONS
    try:
        records = [json.loads(line) for line in finished_lines(path)]
        newer = [record["schema"] for record in records if record["schema"] > _SCHEMA]
        found = [_publication(record) for record in ([] if newer else records)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"these are not notes of publications: {error!r}",
            where=str(path),
            hint="delete the file and publish again; the runs beside it are not touched",
        ) from error
    if newer:
        raise StoreError(
            f"the notes have schema {max(newer)}, known is {_SCHEMA}",
            where=str(path),
            hint="update edgebench: they were written by a newer one",
        )
    return tuple({(each.way, each.to): each for each in found}.values())


def _publication(record: dict[str, Any]) -> Publication:
    fields = {name: value for name, value in record.items() if name != "schema"}
    lists = {name: tuple(fields[name]) for name in ("sources", "options")}
    return Publication(**{**fields, **lists})


def _state(folder: Path) -> tuple[str, str]:
    return (_digest(folder / RUNS), _digest(folder / MARKS))


def _digest(path: Path) -> str:
    return sha256(b"\n".join(finished_lines(path))).hexdigest() if path.exists() else ""


def _seen_from(folder: Path, place: Path) -> str:
    return Path(os.path.relpath(place, folder)).as_posix()


def _from_here(place: Path) -> str:
    return Path(os.path.relpath(place)).as_posix()
