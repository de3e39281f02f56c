"""A result folder as it may leave this machine: every file cleaned, every hash that binds it new.

Cleaning must not change what a run says: each is read again from its clean files, and one that
then says something else is refused. So `edgebench verify` holds on the copy, and `bundle.json`
keeps the hashes of the original.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from harness.errors import StoreError
from harness.model import ResultFolder, RunResult, SessionRecord
from harness.plugins import Driver
from harness.report.bundle.cleaning import Cleaner
from harness.report.verification import check_hash, check_reading
from harness.store.durable import finished_lines
from harness.store.folder import (
    RAW,
    RUNS,
    SESSION,
    SUITE,
    TENSORS,
    read,
    read_as_written,
    read_tensors,
)
from harness.store.gate_record import GATE
from harness.store.marks import MARKS
from harness.store.pruned import PRUNED, pruned_on
from harness.store.raw import digest_of, read_raw
from harness.store.records import (
    run_from_record,
    run_to_line,
    session_from_record,
    session_to_bytes,
)

BUNDLE = "bundle.json"
_SCHEMA = 1


def write_clean(
    folder: Path, to: Path, cleaner: Cleaner, driver_of: Callable[[str], Driver]
) -> None:
    """Write a clean copy of a result folder to a new folder.

    Raises:
        StoreError: the folder is damaged or was changed, or cannot be cleaned without changing
            what its runs say.
    """
    results = read_as_written(folder)
    to.mkdir(parents=True, exist_ok=True)
    suite = cleaner.text((folder / SUITE).read_text(encoding="utf-8")).encode()
    session = _session(results.session, suite, cleaner)
    lines, originals = [], {}
    for run in results.runs:
        clean, before = _run(folder, run, to, cleaner, driver_of)
        lines.append(run_to_line(clean))
        if clean.raw_sha256 != before:
            originals[run.run_id] = before
    (to / SUITE).write_bytes(suite)
    (to / SESSION).write_bytes(session_to_bytes(session))
    (to / RUNS).write_bytes(b"".join(lines))
    _marks(folder, to, cleaner, (results.session.suite_sha256, session.suite_sha256))
    for name in (GATE, PRUNED):
        if (folder / name).is_file():
            (to / name).write_bytes(cleaner.file(name, (folder / name).read_bytes()))
    for digest, data in read_tensors(folder).items():
        (to / TENSORS).mkdir(exist_ok=True)
        (to / TENSORS / f"{digest}.json").write_bytes(cleaner.file(f"{digest}.json", data))
    (to / BUNDLE).write_bytes(_bundle(folder, originals))


def _session(session: SessionRecord, suite: bytes, cleaner: Cleaner) -> SessionRecord:
    record = cleaner.value(json.loads(session_to_bytes(session)))
    clean = session_from_record(record)
    return replace(clean, suite_sha256=sha256(suite).hexdigest())


def _run(
    folder: Path,
    run: RunResult,
    to: Path,
    cleaner: Cleaner,
    driver_of: Callable[[str], Driver],
) -> tuple[RunResult, str]:
    """Write a run's clean files; return its clean line, and the hash of its files as they were."""
    files = _raw(folder, run)
    clean_files = {name: cleaner.file(name, data) for name, data in files.items()}
    clean = run_from_record(cleaner.value(json.loads(run_to_line(run))))
    if not files:
        return clean, clean.raw_sha256
    before, after = digest_of(files), digest_of(clean_files)
    if before == after:
        clean = replace(clean, raw_sha256=run.raw_sha256 and after)
    else:
        clean = replace(clean, raw_sha256=after)
        _check_it_says_the_same(run, files, clean, clean_files, driver_of)
    place = to / RAW / PurePosixPath(run.raw).name
    if not place.exists():
        place.mkdir(parents=True)
        for name, data in clean_files.items():
            (place / name).write_bytes(data)
    return replace(clean, raw=f"{RAW}/{place.name}"), run.raw_sha256 if before == after else before


def _raw(folder: Path, run: RunResult) -> Mapping[str, bytes]:
    if pruned_on(folder, run):
        return {}
    files = read_raw(folder, run)
    checked = check_hash(run, files)
    if checked.standing == "differs":
        raise StoreError(
            f"{run.run_id}: {checked.told}",
            where=str(folder / run.raw),
            hint="`edgebench verify` says what else differs; what was changed is not for citing",
        )
    return files


def _check_it_says_the_same(
    run: RunResult,
    files: Mapping[str, bytes],
    clean: RunResult,
    clean_files: Mapping[str, bytes],
    driver_of: Callable[[str], Driver],
) -> None:
    before = check_reading(run, files, driver_of)
    after = check_reading(clean, clean_files, driver_of)
    if after.standing == "differs" and before.standing != "differs":
        raise StoreError(
            f"{run.run_id} says something else without its private parts: {after.told}",
            where=run.raw,
            hint="report it with that file: its reader rests on a path; nothing was written",
        )


def _marks(folder: Path, to: Path, cleaner: Cleaner, suites: tuple[str, str]) -> None:
    """Copy the marks; one on the suite itself follows the suite's new hash."""
    lines = list(finished_lines(folder / MARKS))
    if lines:
        records = (cleaner.value(json.loads(line)) for line in lines)
        shown = (json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in records)
        text = "".join(line + "\n" for line in shown).replace(*suites)
        (to / MARKS).write_text(text, encoding="utf-8")


def _bundle(folder: Path, originals: Mapping[str, str]) -> bytes:
    record = {
        "schema": _SCHEMA,
        "told": "a copy for citing: names, serials and paths of machines were taken out of it; "
        "hashes in it are of the clean files, these of what was measured",
        "original_sha256": {
            name: sha256((folder / name).read_bytes()).hexdigest()
            for name in (SUITE, SESSION, RUNS)
        },
        "original_raw_sha256": dict(originals),
    }
    return json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n"


def read_clean(folder: Path, name: str) -> ResultFolder:
    """Return a clean copy as every reader sees it, called by its place in the bundle."""
    return replace(read(folder), path=name)
