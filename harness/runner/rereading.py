"""Reading a stored capture again with today's reader; what no folder holds stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.code_digest import harness_sha256
from harness.errors import HarnessError
from harness.metrics import METRICS_VERSION
from harness.model import (
    Capture,
    Facts,
    Failed,
    Failure,
    Measured,
    Outcome,
    Reading,
    RunResult,
    Scalar,
)
from harness.plugins import Driver
from harness.runner.attempt import BUG_HINT, proved, subject_of, without_fault

_GIVEN_TO_THE_RUN = (
    "driver",
    "inputs_sha256",
    "input_shapes",
    "cpu_model",
    "os_major",
    "cores",
    "labelled_sha256",
)
_DIFFERENCE = "output_max_relative_difference"
_JUDGED_OUTPUTS = "output-"
_UNCHECKED = "not checked: read again, and the reference is not in the folder"


def reread(run: RunResult, files: Mapping[str, bytes], driver: Driver) -> RunResult:
    """Return what a run's line would be if today's edgebench had read its files.

    Two judgements need what no folder holds, and stay: that of the outputs, against the reference,
    and the scores of a quality pass, against the labels.
    """
    try:
        reading = proved(driver.read(Capture(files)))
    except HarnessError as error:
        reading = Reading(Failed(Failure(error.kind, str(error), error.hint)), proof=run.proof)
    # One driver's bug must cost one run, as it does when it is measured.
    except Exception as error:  # noqa: BLE001
        failure = Failure("driver-bug", f"{type(error).__name__}: {error}", BUG_HINT)
        reading = Reading(Failed(failure), proof=run.proof)
    return replace(
        run,
        outcome=_outcome(run, without_fault(reading.outcome)),
        setting={**_given(run.setting), **reading.setting},
        subject=subject_of(driver, run.subject.get("model_sha256"), reading),
        conditions=_conditions(run, reading),
        proof=replace(reading.proof, observed={**_compared(run), **reading.proof.observed}),
        phases_s=reading.phases_s,
        reader_sha256=harness_sha256(),
    )


def _outcome(run: RunResult, read: Outcome) -> Outcome:
    before = run.outcome
    if not isinstance(read, Measured):
        return read
    if isinstance(before, Failed) and before.failure.kind.startswith(_JUDGED_OUTPUTS):
        return before
    if run.pass_ == "quality":
        # The answers are there and the labels are not, so a score stays or stays away.
        return before
    return read


def _given(setting: Facts) -> dict[str, Scalar]:
    given = {fact: setting[fact] for fact in _GIVEN_TO_THE_RUN if fact in setting}
    return {**given, "metrics_version": METRICS_VERSION}


def _conditions(run: RunResult, reading: Reading) -> Facts:
    conditions = {**run.conditions, **reading.conditions}
    if isinstance(reading.outcome, Measured):
        conditions.setdefault("output_check", _UNCHECKED)
    return conditions


def _compared(run: RunResult) -> Facts:
    seen = run.proof.observed.get(_DIFFERENCE)
    return {} if seen is None else {_DIFFERENCE: seen}
