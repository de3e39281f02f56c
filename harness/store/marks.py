"""Marks of invalidity: what the runs of a result folder used turned out to be wrong.

A mark names what was wrong, not the runs: every run of the folder that used it has no number any
more, one that is added later too. `marks.jsonl` only grows: a mark that was wrong itself is
withdrawn by another line. The runs stay as they were written; whoever reads the folder reads them
as failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from harness.errors import StoreError
from harness.model import Failed, Failure, Measured, ResultFolder, RunResult, SessionRecord
from harness.store.durable import finished_lines
from harness.store.used import Used, parse_used, roles

MARKS = "marks.jsonl"
MARKED_INVALID = "marked-invalid"
"""The class of failure that a marked run is read with; its message is the reason."""

_SCHEMA = 1
_HINT = "measure again without it; `edgebench impact {used}` lists what else used it"

Standing: TypeAlias = Literal["invalid", "withdrawn"]
Reasons: TypeAlias = Mapping[Used, str]
"""What is marked now, and why."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of `marks.jsonl`: what was used, whether it is invalid since then, and why."""

    used: Used
    standing: Standing
    reason: str
    marked_utc: str


def mark_to_line(mark: Mark) -> bytes:
    """Return a mark as its line, with its newline."""
    record = {
        "schema": _SCHEMA,
        "used": str(mark.used),
        "standing": mark.standing,
        "reason": mark.reason,
        "marked_utc": mark.marked_utc,
    }
    shown = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return shown.encode("utf-8", errors="backslashreplace") + b"\n"


def read_marks(folder: Path) -> tuple[Mark, ...]:
    """Return every mark of a result folder, oldest first; an unterminated last line is none yet.

    Raises:
        StoreError: the file cannot be read, is damaged, or of a newer edgebench.
    """
    path = folder / MARKS
    lines = enumerate(finished_lines(path), start=1)
    return tuple(_mark(line, f"{path}:{number}") for number, line in lines)


def merged_marks(lines: Iterable[bytes]) -> bytes:
    """Return the file that holds these lines of several folders, whatever order they came in."""
    in_time = sorted(set(lines), key=lambda line: (json.loads(line)["marked_utc"], line))
    return b"".join(line + b"\n" for line in in_time)


def standing_reasons(marks: Sequence[Mark]) -> Reasons:
    """Return what is marked now: the last mark on each thing decides."""
    last = {mark.used: mark for mark in marks}
    return {used: mark.reason for used, mark in last.items() if mark.standing == "invalid"}


def why_invalid(session: SessionRecord, run: RunResult, reasons: Reasons) -> Failure | None:
    """Return the failure that a run is read with; None if it used nothing that is marked."""
    found = [used for used in reasons if roles(used, session, run)]
    if not found:
        return None
    told = "; ".join(dict.fromkeys(reasons[used] for used in found))
    return Failure(MARKED_INVALID, told, _HINT.format(used=found[0]))


def with_marks(folder: ResultFolder, marks: Sequence[Mark]) -> ResultFolder:
    """Return a folder in which no run that used what is marked has a number.

    Runs that failed or were skipped say why already, and stay.
    """
    reasons = standing_reasons(marks)
    if not reasons:
        return folder
    return replace(folder, runs=tuple(marked(folder.session, r, reasons) for r in folder.runs))


def marked(session: SessionRecord, run: RunResult, reasons: Reasons) -> RunResult:
    """Return a run as it counts: failed if it was measured with what is marked as invalid."""
    failure = why_invalid(session, run, reasons) if isinstance(run.outcome, Measured) else None
    return run if failure is None else replace(run, outcome=Failed(failure))


def _mark(line: bytes, where: str) -> Mark:
    try:
        record = json.loads(line)
        schema, standing = record["schema"], record["standing"]
        if schema <= _SCHEMA and standing in ("invalid", "withdrawn"):
            used = parse_used(record["used"])
            return Mark(used, standing, str(record["reason"]), str(record["marked_utc"]))
    except Exception as error:
        raise StoreError(
            f"this line is not a mark: {error!r}",
            where=where,
            hint="restore the file from a backup: without it invalid runs would count",
        ) from error
    raise StoreError(
        f"this mark has schema {schema} and says {standing!r}",
        where=where,
        hint="update edgebench: it was written by a newer one",
    )
