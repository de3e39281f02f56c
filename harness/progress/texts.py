"""What is said about a session while it runs, in words; pure."""

from __future__ import annotations

import math
from typing import TypeAlias

from harness.counted import counted
from harness.model import Failed, Measured, RunResult, Skipped
from harness.plan import PlannedRun
from harness.progress.pace import Pace
from harness.runner.events import (
    BlockAdded,
    BrowserJoined,
    Looked,
    Noticed,
    RunWaiting,
    Serving,
    SessionStarted,
    TargetAway,
    TargetBack,
    TargetOpened,
    TargetUnavailable,
)

Arrival: TypeAlias = Serving | BrowserJoined | TargetOpened | Noticed
_USER_AGENT_SHOWN = 200
_SHOWN_METRICS = (
    "latency_p50",
    "latency_mean",
    "wasm_heap",
    "tool_footprint",
    "peak_rss_delta",
    "peak_rss",
)


def started_text(event: SessionStarted) -> str:
    """Say what is ahead."""
    until = f", until {event.until:%H:%M}" if event.until else ""
    runs, blocks = counted(event.runs, "run"), counted(event.blocks, "block")
    ahead = f"{runs} in {blocks}"
    if event.looks:
        ahead = f"{runs} for certain, {event.looks[0]} to {event.looks[-1]} blocks in all"
    return f"{ahead}, about {duration_text(event.estimated_s)}{until}, kept in {event.folder}"


def _serving_text(event: Serving) -> str:
    lines = [f"open this in the browser to be measured (it lets one in): {event.address}"]
    if event.fingerprint:
        lines.append(f"its certificate, made for this session, has SHA-256 {event.fingerprint}")
    if event.expected:
        lines.append(f"the session goes on with the device named {event.expected}")
    return "\n".join(lines)


def arrival_text(event: Arrival) -> str:
    """Say where a browser may come in, which one did, which device a target has, or a notice."""
    match event:
        case Serving():
            return _serving_text(event)
        case TargetOpened(target, device, _, notes):
            return "\n".join(f"{target}: {line}" for line in (device, *notes))
        case BrowserJoined(label, browser, user_agent, has_threads):
            threads = "threads" if has_threads else "no threads"
            told = user_agent[:_USER_AGENT_SHOWN]
            return plain(f"connected: {label}, {browser} ({threads}); it calls itself {told}")
        case Noticed(text):
            return plain(text)


def unavailable_text(event: TargetUnavailable) -> str:
    """Say why a target is out, and what to do."""
    error = event.error
    skipped = counted(event.runs_skipped, "run")
    return f"{event.target}: {error}; {skipped} skipped. Next step: {error.hint}"


def trouble_text(event: TargetAway | TargetBack | BlockAdded) -> str:
    """Say what became of a target that went away."""
    match event:
        case TargetAway(target, error, waits_s):
            wait = duration_text(waits_s)
            return plain(f"{target}: {error}; waiting up to {wait}. Next step: {error.hint}")
        case TargetBack(target, happened):
            return f"{target}: back" + (f" ({happened})" if happened else "")
        case BlockAdded(target, model, runs, why):
            more = counted(runs, "more run")
            reason = f": {why}" if why else ""
            return plain(f"{target}: a block of {model} is added, {more}{reason}")


def looked_text(event: Looked) -> str:
    """Say what a look at the intervals of a model saw, and what follows."""
    if event.half_width is None:
        seen = "nothing to estimate"
    elif math.isinf(event.half_width):
        seen = "an interval is missing"
    else:
        seen = f"±{100 * math.expm1(event.half_width):.2g} %"
    follows = f"{counted(event.runs, 'more run')} follow" if event.runs else event.state
    asked = f"±{100 * event.precision:.2g} % asked"
    model = event.model or "all models"
    return plain(f"{model}: {seen} after {event.blocks} blocks, {asked}: {follows}")


def finished_text(pace: Pace, *, interrupted: bool) -> str:
    """Say how it ended."""
    if interrupted:
        total = counted(pace.total, "run")
        return f"interrupted after {pace.done} of {total}; what was made is kept"
    return f"{counted(pace.done, 'run')} in {duration_text(pace.elapsed_s)}"


def waiting_text(event: RunWaiting) -> str:
    """Say which run cannot begin yet, and why."""
    return plain(f"{run_text(event.run)}: waiting: {event.why}")


def run_text(run: PlannedRun) -> str:
    """Name a run for people."""
    cell = run.cell
    turn = f"block {run.block}" if run.pass_ == "latency" else f"{run.pass_} run {run.block}"
    return plain(f"{cell.model} · {cell.target}/{cell.variant} · {turn}")


def outcome_text(result: RunResult) -> str:
    """Say what came out of a run, in few words."""
    match result.outcome:
        case Measured(measurements):
            values = {m.metric: m for m in measurements if m.value is not None}
            shown = next((values[name] for name in _SHOWN_METRICS if name in values), None)
            if shown is None or shown.value is None:
                return "measured"
            return quantity_text(shown.value, shown.unit)
        case Failed(failure):
            return plain(f"FAILED ({failure.kind}) {failure.message}")
        case Skipped(failure):
            return plain(f"skipped ({failure.kind})")


def quantity_text(value: float, unit: str) -> str:
    """Show one SI quantity with three significant digits and a fitting unit."""
    scales = {
        "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
        "B": ((2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    }.get(unit, ((1.0, unit),))
    scale, name = next(((s, n) for s, n in scales if value >= s), scales[-1])
    scaled = value / scale
    digits = max(0, 2 - len(str(int(scaled))) + 1) if scaled < 1000 else 0
    return f"{scaled:.{digits}f} {name}"


def duration_text(seconds: float) -> str:
    """Show a duration as a person says it."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plain(text: str) -> str:
    # Names and messages come from elsewhere; nothing in them may steer the terminal.
    return "".join(c if c.isprintable() else " " for c in text)
