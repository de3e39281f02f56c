"""Does a result folder say what its raw files say? Every run is read again and compared.

A run's line is compared with what today's reader makes of its files: the same outcome, the same
numbers, the same proof. What cannot be checked so is counted and named, never taken for right: runs
that left nothing, drivers that are not installed, outputs whose reference is not in the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.errors import HarnessError, PluginError
from harness.model import Capture, Failed, Measured, Measurement, Reading, RunResult, Skipped
from harness.plugins import Driver
from harness.store.raw import digest_of

Standing: TypeAlias = Literal["holds", "differs", "not checked"]
_SCORED = "quality_"
_JUDGED_OUTPUTS = "output-"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check of one run; `told` says what differs, or why it was not checked."""

    what: Literal["hash", "reading"]
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
