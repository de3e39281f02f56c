"""`edgebench verify DIR…`: is what a result folder says what its raw files say?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from harness import store
from harness.cli.printing import print_tables
from harness.counted import counted
from harness.errors import EXIT_FINDINGS, EXIT_OK, PluginError, StoreError
from harness.model import Column, Figure, ResultFolder, RunResult, Table
from harness.plugins import driver
from harness.report.bundle.clean_folder import BUNDLE
from harness.report.verification import Checked, Standing, check_hash, check_reading, check_tables
from harness.runner.rereading import reread
from harness.store.marks import read_marks, standing_reasons, why_invalid
from harness.store.pruned import pruned_on
from harness.store.raw import read_raw

_MOST_NAMED = 20
_OF_A_RUN: tuple[Literal["hash", "reading"], ...] = ("hash", "reading")
Found: TypeAlias = tuple[str, Checked]
"""A run, '' for the folder, and what came of a check."""

_STANDINGS: tuple[Standing, ...] = get_args(Standing)


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 1 if anything differs."""
    checked = [_folder(path) for path in store.find_folders(arguments.folders)]
    print_tables([table for table, _ in checked], arguments.format)
    return EXIT_FINDINGS if any(differs for _, differs in checked) else EXIT_OK


def _folder(path: Path) -> tuple[Table, bool]:
    results = store.read_as_written(path)
    found: list[Found] = [("", _suite(path, results))]
    again = []
    for run in results.runs:
        files = _files(path, run, found)
        if files is not None:
            checks = (check_hash(run, files), check_reading(run, files, driver))
            found += [(run.run_id, each) for each in checks]
        again.append(_again(run, files or {}))
    found += [("", each) for each in check_tables(results, replace(results, runs=tuple(again)))]
    counts = Counter((each.what, each.standing) for _, each in found)
    rows = tuple(
        (what, *(_count(counts[what, standing]) for standing in _STANDINGS))
        for what in dict.fromkeys(each.what for _, each in found)
    )
    columns = (
        Column("check", "check"),
        Column("holds", "holds", align="right"),
        Column("differs", "differs", align="right"),
        Column("not_checked", "not checked", align="right"),
    )
    title = f"Verification of {path.name}"
    notes = (*_notes(found), *_marked(path, results), *_cleaned(path))
    table = Table("verification", title, columns, rows, notes)
    return table, any(each.standing == "differs" for _, each in found)


def _suite(path: Path, results: ResultFolder) -> Checked:
    try:
        digest = sha256((path / "suite.yaml").read_bytes()).hexdigest()
    except OSError:
        return Checked("hash", "not checked", "there is no suite.yaml")
    if digest == results.session.suite_sha256:
        return Checked("hash", "holds")
    return Checked("hash", "differs", "suite.yaml is not the suite that was run")


def _files(path: Path, run: RunResult, found: list[Found]) -> Mapping[str, bytes] | None:
    """Return a run's raw files; where they cannot be had, note why, and return None."""
    try:
        return read_raw(path, run)
    except StoreError as error:
        if day := pruned_on(path, run):
            told = f"its raw files were pruned on {day}"
            found += [(run.run_id, Checked(what, "not checked", told)) for what in _OF_A_RUN]
        else:
            found.append((run.run_id, Checked("hash", "differs", error.message)))
    return None


def _again(run: RunResult, files: Mapping[str, bytes]) -> RunResult:
    """Return what a run's files say now; the run itself where nothing can be read again."""
    if not files:
        return run
    try:
        return reread(run, files, driver(str(run.setting.get("driver"))))
    except PluginError:
        return run


def _marked(path: Path, results: ResultFolder) -> Iterator[str]:
    """Say how many runs have no number any more, whatever their files say."""
    reasons = standing_reasons(read_marks(path))
    failures = (why_invalid(results.session, run, reasons) for run in results.runs)
    for why, number in Counter(each.message for each in failures if each).items():
        yield f"marked invalid, {counted(number, 'run')}: {why}."


def _cleaned(path: Path) -> Iterator[str]:
    """Say of a folder from a bundle that its files are not quite those that were measured."""
    if (path / BUNDLE).is_file():
        yield (
            "A copy for citing: private parts were taken out, and hashes are of the clean files; "
            f"{BUNDLE} has those of the originals."
        )


def _notes(found: list[Found]) -> Iterator[str]:
    differing = [(name, each) for name, each in found if each.standing == "differs"]
    for name, each in differing[:_MOST_NAMED]:
        yield f"{name or 'the folder'}: {each.told}."
    if len(differing) > _MOST_NAMED:
        yield f"and {len(differing) - _MOST_NAMED} more."
    reasons = Counter((e.what, e.told) for _, e in found if e.standing == "not checked")
    for (what, reason), number in reasons.items():
        yield f"{what} not checked, {number}×: {reason}."


def _count(number: int) -> Figure:
    return Figure(number, str(number))
