"""`edgebench reread DIR…`: old captures read again by this edgebench, into new folders."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from harness import store
from harness.cli.folders import place_of, say_where, shown_command
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, PluginError, StoreError, SuiteError
from harness.model import Lineage, ResultFolder, RunResult, Skipped
from harness.plugins import driver
from harness.report.rereading import Reread, compared, reread_table
from harness.report.verification import check_hash
from harness.runner.provenance import harness_facts
from harness.runner.rereading import reread
from harness.store.durable import built_beside, refused, write_synced
from harness.store.folder import RUNS, SUITE, Writer
from harness.store.marks import MARKS, read_marks
from harness.store.pruned import pruned_on
from harness.store.raw import read_raw

_BASE = Path("reread")
_WHY = "captures read again by another edgebench"


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    paths = store.find_folders(arguments.folders)
    if arguments.out is not None and len(paths) > 1:
        raise SuiteError(
            f"--out names one folder, and {len(paths)} are to be read again",
            hint=f"leave it away: each comes to {_BASE}/<suite>/, or name one folder",
        )
    tables, made = [], []
    for path in paths:
        results = store.read_as_written(path)
        out = arguments.out or _BASE / results.session.suite / place_of(path)
        found = _read_again(path, results, out, arguments.why or _WHY)
        tables.append(reread_table(str(place_of(path)), found))
        made.append(out)
    print_tables(tables, arguments.format)
    for out in made:
        say_where(out, arguments.format)
    return EXIT_OK


def _read_again(path: Path, results: ResultFolder, out: Path, why: str) -> list[Reread]:
    """Write a whole new folder, or none; the old one is only read."""
    if out.exists():
        raise StoreError(
            "this folder exists already", where=str(out), hint="name another one with --out"
        )
    now = harness_facts()
    lineage = Lineage(
        how="re-read",
        of=place_of(path).as_posix(),
        runs_sha256=sha256((path / RUNS).read_bytes()).hexdigest(),
        why=why,
        before=results.session.harness,
        after=now,
    )
    session = replace(results.session, harness=now, lineage=lineage, command=shown_command())
    try:
        suite = (path / SUITE).read_text(encoding="utf-8")
        with built_beside(out) as new:
            with store.create(new, session, suite, store.read_tensors(path)) as writer:
                found = [_keep(path, run, writer) for run in results.runs]
            if read_marks(path):
                write_synced(new / MARKS, (path / MARKS).read_bytes())
    except OSError as error:
        raise refused(out, error, "read it again") from error
    return found


def _keep(path: Path, run: RunResult, writer: Writer) -> Reread:
    files, why_not = _files(path, run)
    if files:
        # Several runs of one log share its files.
        writer.keep_raw(PurePosixPath(run.raw).name, files)
    if why_not:
        writer.append(run)
        return Reread(run.run_id, "not read", why_not)
    try:
        again = reread(run, files, driver(str(run.setting.get("driver"))))
    except PluginError as error:
        writer.append(run)
        return Reread(run.run_id, "not read", error.message)
    writer.append(again)
    return compared(run, again)


def _files(path: Path, run: RunResult) -> tuple[Mapping[str, bytes], str]:
    """Return a run's files, and why they cannot be read again, '' if they can.

    Raises:
        StoreError: they are not those that were measured.
    """
    if isinstance(run.outcome, Skipped) and not run.raw:
        return {}, "it was skipped"
    if not run.raw:
        return {}, "it left no files"
    if day := pruned_on(path, run):
        return {}, f"its raw files were pruned on {day}"
    files = read_raw(path, run)
    checked = check_hash(run, files)
    if checked.standing == "differs":
        raise StoreError(
            f"{run.run_id}: {checked.told}",
            where=str(path / run.raw),
            hint="`edgebench verify` says what else differs; nothing was written",
        )
    if run.conditions.get("imported") or run.setting.get("imported"):
        return files, "it was imported from a log; import the log again"
    return files, ""
