"""Events as JSON objects, for programs that watch a session."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from harness.errors import HarnessError
from harness.model import Measured, RunResult
from harness.plan import PlannedRun
from harness.progress.lanes import Lanes
from harness.runner.events import (
    Event,
    Looked,
    RunFinished,
    RunStarted,
    RunWaiting,
    Serving,
    SessionStarted,
    TargetAway,
    TargetUnavailable,
)


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def event_fields(event: Event, lanes: Lanes) -> dict[str, Any]:
    match event:
        case SessionStarted():
            until = event.until.isoformat() if event.until else None
            return {**dataclasses.asdict(event), "until": until}
        case RunStarted(run):
            return {**_run_fields(run), "lane": lanes.name(run.bench)}
        case RunWaiting(run, why):
            return {**_run_fields(run), "lane": lanes.name(run.bench), "why": why}
        case RunFinished(run, result):
            return {**_run_fields(run), "lane": lanes.name(run.bench), **_result_fields(result)}
        case Serving():
            # The code is a picture of the address, for eyes.
            return {k: v for k, v in dataclasses.asdict(event).items() if k != "qr"}
        case TargetUnavailable(target, error, skipped):
            return {"target": target, "error": _error_fields(error), "runs_skipped": skipped}
        case TargetAway(target, error, waits_s):
            return {"target": target, "error": _error_fields(error), "waits_s": waits_s}
        case Looked(half_width=width):
            # JSON has no infinity: a missing interval is null, as is one that cannot be had.
            known = width is not None and math.isfinite(width)
            return {**dataclasses.asdict(event), "half_width": width if known else None}
        case _:
            return dataclasses.asdict(event)


def _error_fields(error: HarnessError) -> dict[str, str]:
    return {"class": error.kind, "message": str(error), "hint": error.hint}


def _run_fields(run: PlannedRun) -> dict[str, Any]:
    cell = dataclasses.asdict(run.cell)
    return {"cell": cell, "bench": run.bench, "pass": run.pass_, "block": run.block}


def _result_fields(result: RunResult) -> dict[str, Any]:
    outcome = result.outcome
    fields: dict[str, Any] = {"run_id": result.run_id, "outcome": type(outcome).__name__.lower()}
    if isinstance(outcome, Measured):
        fields["values"] = {m.metric: m.value for m in outcome.measurements if m.value is not None}
    else:
        fields["error"] = {
            "class": outcome.failure.kind,
            "message": outcome.failure.message,
            "hint": outcome.failure.hint,
        }
    return fields
