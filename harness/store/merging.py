"""One result folder out of those of several sessions: the shards of one plan.

A folder is taken as a set of sessions and a set of runs, and a merged folder is written from the
union of these sets alone, in one canonical order. So merging is idempotent and free of order to
the byte, a merged folder may be merged again, and one that a later merge is written to only grows.

    runs.jsonl    the lines as they were written, by bench, place in its order, attempt, run id
    session.json  what the sessions agree in, and each session whole: `harness.store.merged_session`
    raw/, memory/, suite.yaml   as they are in the folders
    pruned.json   that of the folder that was pruned last
    marks.jsonl   the marks of all folders, in the order of their time; each counts for all runs

A bench and a cell belong to one session each, since runs of a block are compared with each other.
A gate judged the runs of one folder, so its `gate.json` stays there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from harness.errors import CompareError, StoreError
from harness.model import MergedSession, RunResult, SessionRecord
from harness.store.durable import (
    built_beside,
    finished_lines,
    keep_files,
    make_folders,
    open_locked,
    refused,
    sweep,
    write_atomically,
)
from harness.store.folder import (
    RAW,
    RUNS,
    SESSION,
    SUITE,
    TENSORS,
    read_lines,
    read_session,
    read_tensors,
)
from harness.store.marks import MARKS, merged_marks, read_marks
from harness.store.merged_session import combined, digest_of_session
from harness.store.pruned import PRUNED, Pruned, pruned_to_bytes, read_pruned
from harness.store.raw import digest_of, read_raw
from harness.store.records import session_to_bytes

_AGAIN = "merge again"
_ANY_BENCH = ""
"""Stands for every bench of a folder that has one session."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge made: how many runs the folder holds, and those whose raw files are nowhere."""

    path: Path
    session: SessionRecord
    runs: int
    without_raw: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A run, its line as it was written, the session it is of, and a folder that holds it."""

    run: RunResult
    line: bytes
    session: str
    folder: Path


@dataclass(slots=True)
class _Union:
    sessions: dict[str, SessionRecord] = field(default_factory=dict)
    runs: dict[str, _Kept] = field(default_factory=dict)
    raw: dict[str, Path] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    marks: set[bytes] = field(default_factory=set)
    pruned: list[Pruned] = field(default_factory=list)


def merge(folders: Iterable[Path], out: Path) -> Merged:
    """Write the runs of all folders to `out`; one that is a merged folder already grows.

    Raises:
        StoreError: a folder cannot be read or written, or a run is not the same in two of them.
        CompareError: they are not sessions of one plan, or two of them share a bench or a cell.
    """
    given = tuple(folders)
    try:
        if not _is_merged(out):
            try:
                with built_beside(out) as new:
                    made = _write(_union(given), new)
                return Merged(out, made.session, made.runs, made.without_raw)
            except OSError as error:
                # Another merge was quicker: what it wrote grows by what this one has.
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST} or not _is_merged(out):
                    raise
        return _grow(given, out)
    except OSError as error:
        raise refused(out, error, _AGAIN) from error


def _grow(folders: Sequence[Path], out: Path) -> Merged:
    lock = open_locked(out / RUNS)
    try:
        sweep(out)
        return _write(_union((out, *folders)), out)
    finally:
        os.close(lock)


def _is_merged(out: Path) -> bool:
    if not out.exists() or not any(out.iterdir()):
        return False
    if (out / SESSION).is_file() and read_session(out).merged:
        return True
    raise StoreError(
        "the folder is not empty, and no merged folder",
        where=str(out),
        hint="name another one with --out; the folder of a session is never changed",
    )


def _union(folders: Sequence[Path]) -> _Union:
    union = _Union()
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        _take_files(union, folder)
        if read_marks(folder):
            union.marks |= set(finished_lines(folder / MARKS))
        if pruned := read_pruned(folder):
            union.pruned.append(pruned)
        owners = _take_sessions(union, folder)
        for run, line in read_lines(folder):
            owner = owners.get(run.bench, owners.get(_ANY_BENCH))
            if owner is None:
                raise StoreError(
                    f"the run {run.run_id} on {run.bench} is of no session of this folder",
                    where=str(folder),
                    hint="do not use this folder: it was changed by hand; merge the shards anew",
                )
            _take_run(union, _Kept(run, line, owner, folder))
    _check_apart(union)
    return union


def _take_sessions(union: _Union, folder: Path) -> Mapping[str, str]:
    """Note the sessions of a folder; return which of them each bench of its runs is of."""
    session = read_session(folder)
    owners: dict[str, str] = {}
    for each in session.merged or (MergedSession(session, (_ANY_BENCH,)),):
        # A merged folder may have been made from another one as a whole.
        own = replace(each.session, lineage=session.lineage)
        digest = digest_of_session(own)
        union.sessions.setdefault(digest, own)
        owners |= dict.fromkeys(each.benches, digest)
    return owners


def _take_run(union: _Union, new: _Kept) -> None:
    run = new.run
    known = union.runs.setdefault(run.run_id, new)
    if known.line != new.line:
        raise StoreError(
            f"the run {run.run_id} ({run.cell.label}) is not the same in {known.folder} and here",
            where=str(new.folder),
            hint="one plan makes each run once: leave one of the folders out, or set them side by "
            "side with `edgebench table A B` or `edgebench compare A B`",
        )
    if not run.raw:
        return
    if PurePosixPath(run.raw).parts[:-1] != (RAW,) or PurePosixPath(run.raw).name == "..":
        raise StoreError(
            f"{run.run_id} keeps its files at {run.raw!r}",
            where=str(new.folder),
            hint="do not use this folder: it was changed by hand",
        )
    if (new.folder / run.raw).is_dir():
        other = union.raw.setdefault(run.raw, new.folder)
        if other != new.folder and _raw_digest(other, run) != _raw_digest(new.folder, run):
            raise StoreError(
                f"the raw files of {run.run_id} are not the same in {other} and here",
                where=str(new.folder),
                hint="look with `edgebench verify` which of the folders is damaged, and leave it "
                "out",
            )


def _raw_digest(folder: Path, run: RunResult) -> str:
    return digest_of(read_raw(folder, run))


def _take_files(union: _Union, folder: Path) -> None:
    suite = folder / SUITE
    found: dict[str, bytes] = {SUITE: suite.read_bytes()} if suite.is_file() else {}
    found |= {f"{TENSORS}/{name}.json": data for name, data in read_tensors(folder).items()}
    for name, data in found.items():
        if union.files.setdefault(name, data) != data:
            raise StoreError(
                f"{name} is not the same in all of these folders",
                where=str(folder),
                hint="one of them was changed, or planned by another edgebench: leave it out",
            )


def _check_apart(union: _Union) -> None:
    """Refuse two sessions on one bench or of one cell: their blocks would be taken for one."""
    owners: dict[object, _Kept] = {}
    for kept in _in_order(union):
        for what, name in ((kept.run.bench, "bench"), (kept.run.cell, "cell")):
            first = owners.setdefault(what, kept)
            if first.session != kept.session:
                told = kept.run.cell.label if name == "cell" else kept.run.bench
                raise CompareError(
                    f"two sessions measured on the same {name}, {told}: {first.run.run_id} in "
                    f"{first.folder} and {kept.run.run_id} in {kept.folder}",
                    hint="divide a plan by benches with `edgebench run --shard`; other sessions "
                    "are set side by side with `edgebench table A B` or `edgebench compare A B`",
                )


def _in_order(union: _Union) -> list[_Kept]:
    def place(kept: _Kept) -> tuple[str, int, int, str]:
        run = kept.run
        return (run.bench, run.order, run.attempt, run.run_id)

    return sorted(union.runs.values(), key=place)


def _write(union: _Union, folder: Path) -> Merged:
    """Write a union so that whoever reads, or ends this process, finds a folder that is whole."""
    runs = _in_order(union)
    benches = {kept.run.bench: kept.session for kept in runs}
    session = combined(
        MergedSession(each, tuple(sorted(b for b, own in benches.items() if own == digest)))
        for digest, each in union.sessions.items()
    )
    raw_of = {kept.run.raw: kept.run for kept in runs if kept.run.raw}
    _copy_raw(union, raw_of, folder)
    _write_files(_noted(union), folder)
    # First who made them, then the runs: a reader in between sees runs that are still missing.
    _write_if_new(folder / SESSION, session_to_bytes(session))
    _write_if_new(folder / RUNS, b"".join(kept.line + b"\n" for kept in runs))
    return Merged(folder, session, len(runs), sum(place not in union.raw for place in raw_of))


def _copy_raw(union: _Union, raw_of: Mapping[str, RunResult], folder: Path) -> None:
    make_folders(folder / RAW)
    new = [at for at in raw_of if at in union.raw and not (folder / at).exists()]
    for place in new:
        keep_files(folder / place, read_raw(union.raw[place], raw_of[place]), synced=False)
    if new:
        # Ten thousand runs would wait a minute for a sync of each of their files.
        os.sync()


def _noted(union: _Union) -> dict[str, bytes]:
    """Return the files that stand before the runs: an invalid one must not count for a moment."""
    files = dict(union.files)
    if union.marks:
        files[MARKS] = merged_marks(union.marks)
    if union.pruned:
        last = max(union.pruned, key=lambda each: datetime.fromisoformat(each.pruned_utc))
        files[PRUNED] = pruned_to_bytes(last)
    return files


def _write_files(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        make_folders((folder / name).parent)
        _write_if_new(folder / name, data)


def _write_if_new(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        write_atomically(path, data)
