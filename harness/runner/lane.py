"""One bench's lane: opens its targets, makes its runs one by one, gives everything back.

A target that cannot be opened, or goes away and does not come back, costs only its own runs:
they are stored as skipped, with the reason, and the lane goes on. One that comes back goes on
with its runs, and a block is added for each that was spoilt.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from harness.artifacts import why_absent
from harness.errors import HarnessError, TargetError
from harness.looks import Looking
from harness.model import Facts, Failed, Failure, RunResult, Skipped
from harness.outputs import ORIGINAL
from harness.plan import Lane, PlannedRun
from harness.plugins import (
    Driver,
    KeptBuild,
    ModelFile,
    ModelFormat,
    Probe,
    Session,
    TargetSpec,
    ToolFile,
    passes_of,
    runs_workloads,
)
from harness.retries import RetryPolicy
from harness.runner.attempt import Bench, attempt
from harness.runner.away import open_patiently, quarantined, reach_again
from harness.runner.events import (
    Event,
    ReferenceStarted,
    RunFinished,
    RunStarted,
    RunWaiting,
    TargetAway,
    TargetBack,
    TargetOpened,
    TargetUnavailable,
)
from harness.runner.expectation import Expectation, Files, expect
from harness.runner.journal import Journal
from harness.runner.labelled import labelled_set
from harness.runner.runs_ahead import FixedRuns, RunsAhead
from harness.runner.sampled_runs import SampledRuns
from harness.runner.time_limit import TimeLimit
from harness.store.durable import refused


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What all lanes of a session share."""

    drivers: Mapping[str, Driver]
    models: Mapping[tuple[str, str], Mapping[ModelFormat, ModelFile]]
    tools: Mapping[str, Mapping[str, ToolFile]]
    journal: Journal
    emit: Callable[[Event], None]
    stop: threading.Event
    scratch: Path
    host_probes: tuple[Probe, ...]
    host_place: Facts
    seed: int
    stored: tuple[RunResult, ...]
    policy: RetryPolicy
    until: datetime | None
    looking: Looking | None


@dataclass(slots=True)
class LaneWorker:
    """Runs one lane in one thread; `interrupt` may come from any other."""

    lane: Lane
    context: LaneContext
    _ahead: RunsAhead = field(init=False)
    _time: TimeLimit = field(init=False)
    _losses: Counter[str] = field(default_factory=Counter)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _unusable: dict[str, Failure] = field(default_factory=dict)
    _expectations: dict[tuple[str, str, str], Expectation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        context = self.context
        self._time = TimeLimit(context.until)
        known = (self.lane, context.stored, context.seed)
        self._ahead = (
            FixedRuns(*known, context.policy, context.emit)
            if context.looking is None
            else SampledRuns(*known, context.looking, context.emit)
        )

    @property
    def left(self) -> tuple[PlannedRun, ...]:
        """The runs that are ahead for certain."""
        return self._ahead.left

    def work(self) -> None:
        """Make all runs of the lane, or as many as come before the stop.

        Raises:
            StoreError: what was measured cannot be kept.
        """
        try:
            while not self.context.stop.is_set():
                run = self._ahead.next(more=not self._time.is_over)
                if run is None:
                    break
                if late := self._time.ends_before(run):
                    self._skip(run, late, expected=False)
                else:
                    self._one(run)
        finally:
            for session in self._sessions.values():
                with suppress(HarnessError):
                    session.close()

    def interrupt(self) -> None:
        """End the run that is under way."""
        for session in tuple(self._sessions.values()):
            with suppress(HarnessError):
                session.interrupt()

    def _one(self, run: PlannedRun) -> None:
        model = self._model_file(run)
        reason = self._why_not(run) or (None if model else _no_file(run, self._driver(run)))
        if reason is not None:
            self._skip(run, reason, expected=run.target.name not in self._unusable)
            return
        session = self._session(run)
        if self.context.stop.is_set():
            return
        if session is None or model is None:
            self._skip(run, self._unusable[run.target.name], expected=False)
            return
        if self.context.stop.wait(run.target.sampling.cooldown_s):
            return
        self._attempt(run, session, model)

    def _attempt(self, run: PlannedRun, session: Session, model: ModelFile) -> None:
        expectation = self._expectation(run, session, model)
        try:
            labelled = labelled_set(run.model, model) if run.pass_ == "quality" else None
        except HarnessError as error:
            failure = Failure(error.kind, str(error), error.hint)
            self._skip(run, failure, expected=False)
            return
        if self.context.stop.is_set():
            return
        on_host = run.bench == "host"
        bench = Bench(
            session=session,
            driver=self._driver(run),
            model=model,
            expectation=expectation,
            probes=self.context.host_probes if on_host else (),
            place=self.context.host_place if on_host else {},
            waiting=lambda why: self.context.emit(RunWaiting(run, why)),
            labelled=labelled,
        )
        self.context.emit(RunStarted(run))
        attempted = attempt(run, self._number(run), bench)
        outcome = attempted.result.outcome
        if attempted.lost is None:
            self._losses[run.target.name] = 0
        elif not self.context.stop.is_set():
            outcome = self._lost(run, session, attempted.lost)
        if self.context.stop.is_set():
            # The stop may have ended this run early: it did not finish, so it is not kept.
            return
        result = replace(attempted.result, outcome=outcome)
        result = self.context.journal.keep(result, attempted.files)
        self.context.emit(RunFinished(run, result))
        self._ahead.after(result)

    def _lost(self, run: PlannedRun, session: Session, error: HarnessError) -> Failed:
        """Wait for a target that went away; return why the run under way has no numbers."""
        name, policy = run.target.name, self.context.policy
        self._losses[name] += 1
        failure = Failure(error.kind, str(error), error.hint)
        self.context.emit(TargetAway(name, error, sum(policy.waits_s)))
        try:
            happened = reach_again(session, error, policy, self.context.stop)
        except TargetError as gone:
            self._give_up(run, gone)
            return Failed(failure)
        if self._losses[name] >= policy.losses_in_a_row:
            self._give_up(run, quarantined(self._losses[name], failure))
        else:
            self.context.emit(TargetBack(name, happened))
        return Failed(replace(failure, kind=happened or failure.kind))

    def _why_not(self, run: PlannedRun) -> Failure | None:
        if run.target.name in self._unusable:
            return self._unusable[run.target.name]
        driver = self._driver(run)
        reason = driver.unsupported(run.target.options, run.variant.options)
        if reason:
            return Failure("unsupported", reason, "nothing to do: it is known not to work")
        if run.model.workload is not None and not runs_workloads(driver):
            return Failure(
                "unsupported",
                f"a workload runs in a page with TF.js, not under the driver {driver.name!r}",
                "nothing to do; a model without `workload:` would run there",
            )
        if run.model.workload is not None and run.pass_ == "quality":
            return Failure(
                "unsupported",
                "a workload has no quality pass: what it answers is its own",
                "nothing to do; or give the model itself an entry without `workload:`",
            )
        if run.pass_ not in passes_of(driver):
            return Failure(
                "unsupported",
                f"the driver {driver.name!r} has no {run.pass_} pass",
                "nothing to do; or take the key out of this target's `sampling:`",
            )
        return None

    def _session(self, run: PlannedRun) -> Session | None:
        name = run.target.name
        if name not in self._sessions and name not in self._unusable:
            scratch = self.context.scratch / f"target-{len(self._sessions) + len(self._unusable)}"
            scratch = scratch.with_name(f"{self.lane.bench.partition(':')[0]}-{scratch.name}")
            try:
                scratch.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise refused(scratch, error) from error
            target = run.target
            build = target.kept or KeptBuild(self.context.tools)
            spec = TargetSpec(
                name, target.options, build.tools, scratch, target.phone, build.runtime
            )
            opening = partial(self._driver(run).open, spec)
            try:
                self._sessions[name] = open_patiently(
                    opening, self.context.policy, self.context.stop
                )
            except TargetError as error:
                self._give_up(run, error)
            else:
                session = self._sessions[name]
                notes = getattr(session, "notes", ())
                self.context.emit(TargetOpened(name, session.device, run.bench, notes))
        return self._sessions.get(name)

    def _give_up(self, run: PlannedRun, error: TargetError) -> None:
        name = run.target.name
        session = self._sessions.pop(name, None)
        if session is not None:
            with suppress(HarnessError):
                session.close()
        self._unusable[name] = Failure(error.kind, str(error), error.hint)
        left = 1 + sum(other.target.name == name for other in self._ahead.left)
        self.context.emit(TargetUnavailable(name, error, left))

    def _expectation(self, run: PlannedRun, session: Session, model: ModelFile) -> Expectation:
        key = (run.target.name, *run.model.key)
        if key not in self._expectations:
            announce = ReferenceStarted(run.target.name, run.cell.model)
            original = self._original(run)
            self._expectations[key] = expect(
                run.model,
                Files(model, original, self._shared(run)),
                session,
                announce=lambda: self.context.emit(announce),
            )
        return self._expectations[key]

    def _skip(self, run: PlannedRun, failure: Failure, *, expected: bool) -> None:
        result = RunResult(
            run_id=run.run_id(self._number(run)),
            cell=run.cell,
            bench=run.bench,
            pass_=run.pass_,
            block=run.block,
            order=run.order,
            attempt=self._number(run),
            outcome=Skipped(failure, expected),
            started_utc=self.context.journal.now(),
            duration_s=0.0,
            setting={"driver": run.target.driver},
        )
        result = self.context.journal.keep(result, {})
        self.context.emit(RunFinished(run, result))
        self._ahead.after(result)

    def _model_file(self, run: PlannedRun) -> ModelFile | None:
        return self.context.models[run.model.key].get(self._driver(run).model_format)

    def _original(self, run: PlannedRun) -> ModelFile | None:
        """Return the file that this one is compared with, if the model has it."""
        if not run.model.has_original:
            return None
        files = self.context.models[run.cell.model, ORIGINAL]
        return files.get(self._driver(run).model_format)

    def _shared(self, run: PlannedRun) -> ModelFile | None:
        """Return the `.tflite` whose reference counts for other formats of the model too.

        Generated formats are one model. Files that were converted apart may order or round their
        outputs otherwise; only a format without reference kernels of its own takes it then.
        """
        format_ = self._driver(run).model_format
        if format_ == "tflite" or not (run.model.generated or format_ == "onnx"):
            return None
        return self.context.models[run.model.key].get("tflite")

    def _driver(self, run: PlannedRun) -> Driver:
        return self.context.drivers[run.target.driver]

    def _number(self, run: PlannedRun) -> int:
        return 1 + sum((r.cell, r.pass_, r.block) == run.key for r in self.context.stored)


def _no_file(run: PlannedRun, driver: Driver) -> Failure:
    absent = f"the model {run.cell.model!r} has no {_named(driver.model_format)} file"
    if run.model.generated:
        why = why_absent(run.model.generated, driver.model_format)
        return Failure(
            "model-unavailable",
            f"{absent} {run.cell.file!r}: {why}" if why else f"{absent} {run.cell.file!r}",
            "nothing to do; another runtime or another file of this model may run",
        )
    return Failure(
        "model-unavailable",
        f"{absent} {run.cell.file!r}",
        f"add `{driver.model_format}:` to that file of the model in the suite",
    )


def _named(format_: ModelFormat) -> str:
    return {"tflite": "TFLite", "tfjs": "TF.js"}.get(format_, format_.upper())
