"""Does a result folder say what its raw files say? Runs are read again, and tables made of that.

A run's line is compared with what today's reader makes of its files: the same outcome, the same
numbers, the same proof. What cannot be checked so is counted and named, never taken for right: runs
that left nothing, drivers that are not installed, outputs whose reference is not in the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.code_digest import harness_sha256
from harness.errors import CompareError, HarnessError, PluginError
from harness.model import (
    Capture,
    Failed,
    Measured,
    Measurement,
    Reading,
    ResultFolder,
    RunResult,
    Skipped,
)
from harness.plugins import Driver
from harness.report import tables
from harness.store.raw import digest_of

Standing: TypeAlias = Literal["holds", "differs", "not checked"]
_SCORED = "quality_"
_JUDGED_OUTPUTS = "output-"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check of one run; `told` says what differs, or why it was not checked."""

    what: Literal["hash", "reading", "table"]
    standing: Standing
    told: str = ""


def check_hash(run: RunResult, files: Mapping[str, bytes]) -> Checked:
    """Compare a run's files with the hash that its line has."""
    if not run.raw:
        return Checked("hash", "not checked", "it left no files")
    if not run.raw_sha256:
        return Checked("hash", "not checked", "its folder is older than hashes of raw files")
    if digest_of(files) == run.raw_sha256:
        return Checked("hash", "holds")
    return Checked("hash", "differs", "its files are not those that were measured")


def check_reading(
    run: RunResult, files: Mapping[str, bytes], driver_of: Callable[[str], Driver]
) -> Checked:
    """Read a run's files again and compare what they say with its line."""
    if isinstance(run.outcome, Skipped):
        return Checked("reading", "not checked", "it was skipped")
    if not files:
        return Checked("reading", "not checked", "it left no files")
    if run.setting.get("imported"):
        return Checked("reading", "not checked", "it was imported; `edgebench parse` reads it")
    name = str(run.setting.get("driver"))
    try:
        reading = driver_of(name).read(Capture(files))
    except PluginError:
        return Checked("reading", "not checked", f"the driver {name} is not installed")
    except HarnessError as error:
        return _unreadable(run, error)
    differing = _differing(run, reading)
    if differing:
        return Checked("reading", "differs", differing)
    return Checked("reading", "holds")


def check_tables(stored: ResultFolder, again: ResultFolder) -> Iterator[Checked]:
    """Compare the tables of a folder with those of the runs that its files give now.

    Another edgebench may have noted other facts of the same files: that is no difference of theirs.
    """
    try:
        shown, computed = tables.build([stored]), tables.build([again])
    except CompareError as error:
        yield Checked("table", "not checked", error.message)
        return
    own = all(run.reader_sha256 == harness_sha256() for run in stored.runs if run.raw)
    found = {(table.section, table.title): (table.columns, table.rows) for table in computed}
    for table in shown:
        if found.pop((table.section, table.title), None) == (table.columns, table.rows):
            yield Checked("table", "holds")
        else:
            yield _another(table.title, own=own)
    for _, title in found:
        yield _another(title, own=own)


def _another(title: str, *, own: bool) -> Checked:
    if own:
        return Checked("table", "differs", f"its raw files give another table: {title}")
    told = "another edgebench read it, and tells of it otherwise; `edgebench reread` reads it anew"
    return Checked("table", "not checked", told)


def _unreadable(run: RunResult, error: HarnessError) -> Checked:
    if isinstance(run.outcome, Failed):
        return Checked("reading", "holds")
    return Checked("reading", "differs", f"its files cannot be read: {error.message}")


def _differing(run: RunResult, reading: Reading) -> str:
    """Say in what the line differs from the reading, '' if in nothing."""
    outcome, read = run.outcome, reading.outcome
    if isinstance(outcome, Failed):
        return _failure_differs(outcome, reading)
    assert isinstance(outcome, Measured)
    if isinstance(read, Failed):
        return f"its files say that it failed: {read.failure.kind}"
    if mismatches := reading.proof.mismatches():
        return f"its files do not prove what was asked: {mismatches[0][0]}"
    stored, found = _by_metric(outcome), _by_metric(read)
    names = [name for name in {**stored, **found} if stored.get(name) != found.get(name)]
    if names:
        return f"its files give other numbers: {', '.join(sorted(names))}"
    if outcome.operators != read.operators:
        return "its files give other operators"
    facts = [f for f, asked in reading.proof.asked.items() if run.proof.asked.get(f) != asked]
    return f"its files were asked for something else: {', '.join(facts)}" if facts else ""


def _failure_differs(outcome: Failed, reading: Reading) -> str:
    kind = outcome.failure.kind
    if isinstance(reading.outcome, Failed) or reading.proof.mismatches():
        return ""
    # Outputs were judged against a reference that is not in the folder.
    if kind.startswith(_JUDGED_OUTPUTS):
        return ""
    return f"it is stored as failed ({kind}), and its files give numbers"


def _by_metric(outcome: Measured) -> dict[str, Measurement]:
    # A score needs labels that are not in the folder.
    return {m.metric: m for m in outcome.measurements if not m.metric.startswith(_SCORED)}
