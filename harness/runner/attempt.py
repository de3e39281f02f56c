"""One attempt at one run: execute, keep the capture, read it, check its outputs.

A failure of any kind becomes a stored outcome with its class, message and next step; only a
refusing disk ends more than this run.
"""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harness import outputs
from harness.code_digest import foreign_sha256, harness_sha256
from harness.disturbances import DISTURBED
from harness.disturbances import judged as disturbed
from harness.errors import HarnessError, TargetLost
from harness.metrics import METRICS_VERSION, definition
from harness.model import (
    Capture,
    Facts,
    Failed,
    Failure,
    Measured,
    Measurement,
    Outcome,
    Reading,
    RunResult,
    Scalar,
    Skipped,
)
from harness.plan import PlannedRun
from harness.plugins import Driver, ModelFile, Probe, RunRequest, Session
from harness.quality import LabelledSet
from harness.retries import AWAY
from harness.runner.expectation import Expectation
from harness.runner.labelled import scored

_LACKING = frozenset({"unsupported", "unsupported-op"})

BUG_HINT = "report it with raw/<run-id>/traceback.txt: the driver did not foresee this"


@dataclass(frozen=True, slots=True)
class Attempted:
    """What an attempt left: its result, and the files to keep under `raw/`.

    `lost` says why the target itself must be reached again before the next run.
    """

    result: RunResult
    files: Mapping[str, bytes]
    lost: HarnessError | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What a lane gives to each of its attempts."""

    session: Session
    driver: Driver
    model: ModelFile
    expectation: Expectation
    probes: tuple[Probe, ...]
    place: Facts
    waiting: Callable[[str], None]
    labelled: LabelledSet | None = None


def attempt(run: PlannedRun, number: int, bench: Bench) -> Attempted:
    """Make one attempt."""
    conditions: dict[str, Scalar] = {}
    started = datetime.now(UTC)
    begun = time.monotonic()
    files: dict[str, bytes] = {}
    request = RunRequest(
        run_id=run.run_id(number),
        cell=run.cell,
        pass_=run.pass_,
        block=run.block,
        variant=run.variant.options,
        model=bench.model,
        inputs=bench.expectation.inputs,
        sampling=run.target.sampling,
        window=_watched(bench.probes, conditions),
        examples=bench.labelled.examples if bench.labelled else (),
        waiting=bench.waiting,
    )
    reading, lost = _execute_and_read(request, bench, files)
    duration_s = time.monotonic() - begun
    reading = _judged(reading, bench.expectation)
    if bench.labelled and run.model.evaluate:
        reading = scored(reading, run.model.evaluate, bench.labelled)
    seen = {**conditions, **reading.conditions}
    result = RunResult(
        run_id=request.run_id,
        cell=run.cell,
        bench=run.bench,
        pass_=run.pass_,
        block=run.block,
        order=run.order,
        attempt=number,
        outcome=without_fault(reading.outcome),
        started_utc=started.isoformat(timespec="milliseconds"),
        duration_s=round(duration_s, 6),
        setting={**_common_setting(bench), **reading.setting},
        subject=subject_of(bench.driver, bench.model.sha256, reading),
        conditions=_marked(seen, run.target.sampling.disturbed_above),
        proof=reading.proof,
        phases_s=reading.phases_s,
        command=_command(files),
        reader_sha256=harness_sha256(),
    )
    return Attempted(result, files, lost)


def without_fault(outcome: Measured | Failed) -> Outcome:
    """Let a cell be skipped whose runtime lacks an operator: neither it nor the model is broken."""
    if isinstance(outcome, Failed) and outcome.failure.kind in _LACKING:
        return Skipped(outcome.failure, expected=True)
    return outcome


def _marked(conditions: Facts, above: float) -> Facts:
    """Say whether others disturbed the run, by what this host or the device itself tells."""
    return {**conditions, DISTURBED: disturbed(conditions, above)}


def _execute_and_read(
    request: RunRequest, bench: Bench, files: dict[str, bytes]
) -> tuple[Reading, HarnessError | None]:
    try:
        capture = bench.session.execute(request)
        files.update(capture.files)
        return bench.driver.read(Capture(capture.files)), None
    except HarnessError as error:
        lost = error if error.kind in AWAY or isinstance(error, TargetLost) else None
        return Reading(Failed(Failure(error.kind, str(error), error.hint))), lost
    # One driver's bug must cost one run, not the night.
    except Exception as error:  # noqa: BLE001
        files["traceback.txt"] = traceback.format_exc().encode()
        message = f"{type(error).__name__}: {error}"
        return Reading(Failed(Failure("driver-bug", message, BUG_HINT))), None


@contextmanager
def _probing(probes: tuple[Probe, ...], conditions: dict[str, Scalar]) -> Iterator[None]:
    stops = [probe.start() for probe in probes]
    try:
        yield
    finally:
        for stop in stops:
            conditions.update(stop().conditions)


def _watched(
    probes: tuple[Probe, ...], conditions: dict[str, Scalar]
) -> Callable[[], AbstractContextManager[None]]:
    return lambda: _probing(probes, conditions)


def _judged(reading: Reading, expectation: Expectation) -> Reading:
    """Let a number stand only if it is proved, and the outputs are right where they are known."""
    reading = proved(reading)
    if isinstance(reading.outcome, Failed):
        return reading
    return _with_output_check(reading, reading.outcome, expectation)


def proved(reading: Reading) -> Reading:
    """Let a number stand only if it is one, and if what ran is what was asked for."""
    if isinstance(reading.outcome, Failed):
        return reading
    mismatches = reading.proof.mismatches()
    if mismatches:
        return replace(reading, outcome=Failed(_variant_mismatch(mismatches)))
    broken = [m for m in reading.outcome.measurements if not _sound(m)]
    if broken:
        names = ", ".join(m.metric for m in broken)
        failure = Failure(
            "unreadable-output", f"not a measurement: {names}", "look at the raw capture"
        )
        return replace(reading, outcome=Failed(failure))
    return reading


def _variant_mismatch(mismatches: tuple[tuple[str, Scalar, Scalar], ...]) -> Failure:
    parts = [f"{fact} asked {asked!r}, observed {seen!r}" for fact, asked, seen in mismatches]
    return Failure(
        "variant-mismatch",
        "; ".join(parts),
        "what ran is not what was asked for, so it has no number; "
        "change the variant, or the target so that it can run it",
    )


def _sound(measurement: Measurement) -> bool:
    metric = definition(measurement.metric)
    if metric is not None and metric.unit != measurement.unit:
        return False
    if measurement.value is None and not measurement.samples:
        return bool(measurement.absent)
    values = measurement.samples or (measurement.value or 0.0,)
    return all(math.isfinite(value) and value >= 0 for value in values)


def _with_output_check(reading: Reading, outcome: Measured, expectation: Expectation) -> Reading:
    if reading.outputs is None:
        note = reading.outputs_absent or "this driver gives no outputs"
        return _noted(reading, f"not checked: {note}")
    if expectation.reference is None:
        return _noted(reading, expectation.note)
    check = outputs.check(reading.outputs, expectation.reference, expectation.tolerance)
    observed = {
        **reading.proof.observed,
        "output_max_relative_difference": check.max_relative_difference,
    }
    return _noted(
        replace(
            reading,
            outcome=Failed(check.failure) if check.failure else outcome,
            proof=replace(reading.proof, observed=observed),
            conditions={
                **reading.conditions,
                "output_compared_with": expectation.compared_with or None,
                "output_reference": expectation.computed_by or None,
                "output_reference_sha256": expectation.reference_sha256,
            },
        ),
        expectation.note or f"ok within {expectation.tolerance:g}",
    )


def _noted(reading: Reading, note: str) -> Reading:
    return replace(reading, conditions={**reading.conditions, "output_check": note})


def _common_setting(bench: Bench) -> Facts:
    return {
        "driver": bench.driver.name,
        "metrics_version": METRICS_VERSION,
        "inputs_sha256": bench.expectation.inputs_sha256,
        "input_shapes": bench.expectation.shapes,
        **bench.place,
    }


def subject_of(driver: Driver, model_sha256: Scalar, reading: Reading) -> Facts:
    """Return what a run is about; a driver from elsewhere has a hash of its own."""
    facts = {"model_sha256": model_sha256, **reading.subject}
    foreign = foreign_sha256(type(driver).__module__)
    return {**facts, "driver_sha256": foreign} if foreign else facts


def _command(files: Mapping[str, bytes]) -> tuple[str, ...]:
    # Drivers that start a program say in run.json how; it is shown beside the result.
    try:
        command = json.loads(files.get("run.json", b"{}")).get("command", ())
    except (ValueError, AttributeError):
        return ()
    return tuple(str(part) for part in command) if isinstance(command, list) else ()
