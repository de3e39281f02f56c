"""A scripted driver, and sessions of the runner that are played through with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness import plan, store
from harness.errors import HarnessError, TargetNotFound
from harness.looks import how_looked
from harness.model import (
    Capture,
    Measured,
    Measurement,
    Reading,
    ResultFolder,
    RunResult,
    SessionRecord,
    TargetRecord,
)
from harness.options import Sampling
from harness.plugins import ModelFile, ModelFormat, RunRequest
from harness.retries import POLICY, RetryPolicy, is_made, with_added
from harness.runner import run_plan
from harness.runner.events import Event
from harness.suite.values import Generated, ModelSource, Suite, Target, Variant

_SAMPLING = Sampling(blocks=2)


class ScriptedSession:
    """Answers each run by what the variant's option says."""

    device = "a scripted device"

    def __init__(self, driver: ScriptedDriver) -> None:
        self.driver = driver
        self.released = threading.Event()

    def execute(self, request: RunRequest) -> Capture:
        self.driver.executed.append(request.run_id)
        behave: Callable[[ScriptedSession], Capture] = request.variant.behave
        with request.window():
            return behave(self)

    def reference(self, model: Any, inputs: Any) -> Any:
        raise NotImplementedError

    def reference_runtime(self) -> str:
        return "none"

    def interrupt(self) -> None:
        self.released.set()

    def close(self) -> None:
        self.driver.closed += 1


class ReturningSession(ScriptedSession):
    """One whose target may come back."""

    def recover(self) -> str:
        self.driver.recoveries += 1
        assert self.driver.recover is not None
        return self.driver.recover(self)


class ScriptedDriver:
    name = "scripted"
    api_version = 1
    model_format: ModelFormat = "tflite"
    target_options: Any = None
    variant_options: Any = None

    def __init__(
        self,
        reading: Callable[[Capture], Reading] | None = None,
        *,
        recover: Callable[[ReturningSession], str] | None = None,
        opening: Sequence[HarnessError] = (),
    ) -> None:
        self.executed: list[str] = []
        self.closed = 0
        self.recoveries = 0
        self.recover = recover
        self._reading = reading
        self._opening = list(opening)

    def bench(self, options: Any) -> str:
        return str(options.bench)

    def is_virtual(self, options: Any) -> bool:
        return False

    def unsupported(self, options: Any, variant: Any) -> str:
        return str(getattr(variant, "unsupported", ""))

    def open(self, target: Any) -> ScriptedSession:
        if target.options.missing:
            raise TargetNotFound("no such device", hint="plug it in")
        if self._opening:
            raise self._opening.pop(0)
        return ReturningSession(self) if self.recover else ScriptedSession(self)

    def read(self, capture: Capture) -> Reading:
        return self._reading(capture) if self._reading else measured(float(capture.text("value")))


def measured(value: float, **facts: Any) -> Reading:
    return Reading(Measured((Measurement("latency_mean", "s", value),)), **facts)


def value(number: float) -> Callable[[ScriptedSession], Capture]:
    return lambda _: Capture({"value": str(number).encode()})


def raising(error: BaseException) -> Callable[[ScriptedSession], Capture]:
    def behave(_: ScriptedSession) -> Capture:
        raise error

    return behave


def by_block(value_of: Callable[[int], float]) -> Callable[[ScriptedSession], Capture]:
    """Answer a latency run by the number of its block."""
    return lambda session: value(value_of(int(session.driver.executed[-1][1:4])))(session)


def a_target(
    variants: dict[str, Any],
    name: str = "t",
    *,
    missing: bool = False,
    bench: str = "host",
    ratios: tuple[tuple[str, str], ...] = (),
) -> Target:
    return Target(
        name,
        "scripted",
        SimpleNamespace(missing=missing, bench=bench),
        tuple(
            Variant(key, behave if not callable(behave) else SimpleNamespace(behave=behave))
            for key, behave in variants.items()
        ),
        None,
        ratios,
        Sampling(blocks=2, memory_runs=0),
    )


class Played:
    """A session that was played through, with everything that can be asked of it."""

    def __init__(
        self,
        tmp_path: Path,
        *targets: Target,
        driver: ScriptedDriver | None = None,
        watch: Callable[[Event], None] = lambda _: None,
        resume: bool = False,
        policy: RetryPolicy = POLICY,
        until: datetime | None = None,
        sampling: Sampling = _SAMPLING,
    ) -> None:
        self.driver = driver or ScriptedDriver()
        drivers: Any = {"scripted": self.driver}
        model = ModelSource("m", "fp32", Generated("n", 1), {}, (), "cpu", 1e-4)
        suite = Suite("s", Path("s"), "suite: s\n", (model,), targets, (), sampling)
        planned = plan.make(suite, drivers)
        looking = how_looked(session_record(planned, policy), plan.benches_of(planned))
        path = tmp_path / "r"
        stored: tuple[RunResult, ...] = ()
        if resume:
            writer, folder = store.resume(path)
            stored = folder.runs
            if looking is None:
                made = [(r.cell, r.pass_, r.block) for r in stored if is_made(r)]
                whole = with_added(planned, stored, policy.added_blocks, policy.replacing)
                planned = plan.without(whole, made)
        else:
            writer = store.create(path, session_record(planned, policy), suite.text)
        self.events: list[Event] = []

        def emit(event: Event) -> None:
            self.events.append(event)
            watch(event)

        with writer:
            self.finished = run_plan(
                planned,
                drivers=drivers,
                models={("m", "fp32"): {"tflite": ModelFile("tflite", Path("m"), "0" * 64, 1)}},
                tools={},
                writer=writer,
                host_place={"cpu_model": "x"},
                emit=emit,
                stored=stored,
                policy=policy,
                until=until,
                looking=looking,
            )
        self.folder: ResultFolder = store.read(path)

    def outcomes(self, variant: str) -> list[Any]:
        return [run.outcome for run in self.folder.runs if run.cell.variant == variant]

    def kinds(self, variant: str) -> list[str]:
        return [o.failure.kind for o in self.outcomes(variant)]


def session_record(planned: plan.Plan, policy: RetryPolicy) -> SessionRecord:
    """Return what a session notes of a plan; its targets too, where their ratios decide."""
    record = SessionRecord(
        1, "s", "0", "l", "2026", (), 1, 2, 0, planned.cells, (), {}, {}, {}, policy.added_blocks
    )
    if planned.precision is None:
        return record
    return replace(
        record,
        blocks=planned.blocks,
        targets=tuple(
            TargetRecord(
                target.name,
                target.driver,
                target.options.bench,
                False,
                tuple(variant.name for variant in target.variants),
                None,
                target.ratios,
                0.02,
                target.sampling.memory_runs,
            )
            for target in planned.suite.targets
        ),
        replace_disturbed=policy.replacing.most,
        precision=planned.precision,
        budget_s=planned.budget_s,
        looks=planned.looks,
    )
