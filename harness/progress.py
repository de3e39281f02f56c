"""What a person sees on stderr while a session runs.

Nothing is redrawn between events: a display that ticks would take CPU from what is measured.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, Literal, Self, TypeAlias

from harness.errors import HarnessError
from harness.model import Failed, Measured, RunResult, Skipped
from harness.plan import PlannedRun
from harness.runner.events import (
    BlockAdded,
    Event,
    LaneAhead,
    ReferenceStarted,
    RunFinished,
    RunStarted,
    SessionFinished,
    SessionStarted,
    TargetAway,
    TargetBack,
    TargetOpened,
    TargetUnavailable,
)

Style: TypeAlias = Literal["auto", "live", "lines", "json", "quiet"]
_SHOWN_METRICS = (
    "latency_p50",
    "latency_mean",
    "wasm_heap",
    "tool_footprint",
    "peak_rss_delta",
    "peak_rss",
)


class Pace:
    """Counts finished runs and estimates the time that is left, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._estimate_s = 0.0
        self.total = 0
        self.done = 0

    def start(self, runs: int, estimate_s: float) -> None:
        """Begin with what the plan expects."""
        self._begun = self._clock()
        self.total, self._estimate_s = runs, estimate_s

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self._begun

    @property
    def left_s(self) -> float:
        """Blend the plan's estimate into the pace seen so far."""
        if not self.total:
            return 0.0
        share = self.done / self.total
        planned = self._estimate_s * (1 - share)
        if not self.done:
            return planned
        seen = self.elapsed_s / self.done * (self.total - self.done)
        return share * seen + (1 - share) * planned if share < 0.3 else seen


class Lanes:
    """What each lane of a session is doing; a session of one lane needs no names for it."""

    def __init__(self) -> None:
        self._ahead: dict[str, LaneAhead] = {}
        self._now: dict[str, str] = {}
        self._done: Counter[str] = Counter()

    def see(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case SessionStarted():
                self._ahead = {lane.bench: lane for lane in event.lanes}
            case RunStarted(run):
                self._now[run.bench] = run_text(run)
            case RunFinished(run):
                self._done[run.bench] += 1
                self._now.pop(run.bench, None)

    def name(self, bench: str) -> str:
        """Return what people call a bench."""
        return self._ahead[bench].name if bench in self._ahead else bench

    def prefix(self, bench: str) -> str:
        """Return what stands before a line about a bench: '' where there is only one."""
        return f"{_plain(self.name(bench))}: " if len(self._ahead) > 1 else ""

    def lines(self) -> list[str]:
        """Return a line per lane."""
        if len(self._ahead) <= 1:
            return [f"now   {next(iter(self._now.values()), 'starting')}"]
        return [
            f"{_plain(lane.name)}  {self._done[bench]}/{lane.runs}  {self._text(lane)}"
            for bench, lane in self._ahead.items()
        ]

    def _text(self, lane: LaneAhead) -> str:
        waiting = "done" if self._done[lane.bench] >= lane.runs else "preparing"
        return self._now.get(lane.bench, waiting)


class LineDisplay:
    """One line per event that matters; for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.pace = Pace()
        self.lanes = Lanes()

    def __call__(self, event: Event) -> None:
        self.lanes.see(event)
        text = self._text(event)
        if text:
            print(text, file=self._stream, flush=True)

    def _text(self, event: Event) -> str:
        match event:
            case SessionStarted():
                self.pace.start(event.runs, event.estimated_s)
                return started_text(event)
            case TargetOpened():
                return opened_text(event)
            case TargetUnavailable():
                return unavailable_text(event)
            case BlockAdded():
                self.pace.total += event.runs
                return trouble_text(event)
            case TargetAway() | TargetBack():
                return trouble_text(event)
            case ReferenceStarted(target, model):
                return f"{target}: computing the reference output of {model}"
            case RunFinished(run, result):
                self.pace.done += 1
                left = duration_text(self.pace.left_s)
                count = f"[{self.pace.done:>{len(str(self.pace.total))}}/{self.pace.total}]"
                lane = self.lanes.prefix(run.bench)
                return f"{count} {lane}{run_text(run)}: {outcome_text(result)}, {left} left"
            case SessionFinished(interrupted):
                return finished_text(self.pace, interrupted=interrupted)
            case _:
                return ""


class JsonDisplay:
    """One JSON object per event and line; for programs that watch."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.pace = Pace()
        self.lanes = Lanes()

    def __call__(self, event: Event) -> None:
        self.lanes.see(event)
        if isinstance(event, SessionStarted):
            self.pace.start(event.runs, event.estimated_s)
        if isinstance(event, BlockAdded):
            self.pace.total += event.runs
        if isinstance(event, RunFinished):
            self.pace.done += 1
        record = {
            "event": _snake(type(event).__name__),
            **_event_fields(event, self.lanes),
            "done": self.pace.done,
            "total": self.pace.total,
            "left_s": round(self.pace.left_s, 1),
        }
        print(json.dumps(record), file=self._stream, flush=True)


class LiveDisplay:
    """A bar, the current run and the last value, redrawn on events only; for terminals."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self.pace = Pace()
        self._console = Console(file=stream, highlight=False, force_terminal=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self.lanes = Lanes()
        self._last = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        self.lanes.see(event)
        match event:
            case SessionStarted():
                self.pace.start(event.runs, event.estimated_s)
                self._say(started_text(event))
            case TargetOpened():
                self._say(opened_text(event))
            case TargetUnavailable():
                self._say(unavailable_text(event), style="yellow")
            case BlockAdded():
                self.pace.total += event.runs
                self._say(trouble_text(event))
            case TargetAway() | TargetBack():
                self._say(trouble_text(event), style="yellow")
            case ReferenceStarted(_, model):
                self._last = f"computing the reference output of {model}"
            case RunFinished(run, result):
                self._finished(run, result)
            case SessionFinished(interrupted):
                self._say(finished_text(self.pace, interrupted=interrupted))
        self._draw(over=isinstance(event, SessionFinished))

    def _finished(self, run: PlannedRun, result: RunResult) -> None:
        self.pace.done += 1
        self._last = f"{run_text(run)}: {outcome_text(result)}"
        if isinstance(result.outcome, Failed):
            self._say(f"failed  {self._last}", style="red")

    def _say(self, text: str, style: str = "dim") -> None:
        from rich.text import Text

        self._console.print(Text(text, style=style))

    def _draw(self, *, over: bool) -> None:
        from rich.console import Group, RenderableType
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if over:
            self._live.update(Text(""), refresh=True)
            return
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(self.pace.total, 1), completed=self.pace.done, width=30),
            Text(f"{self.pace.done}/{self.pace.total}", style="bold"),
            Text(f"{duration_text(self.pace.left_s)} left", style="cyan"),
        )
        lines: list[RenderableType] = [bar]
        lines += [Text(line, overflow="ellipsis", no_wrap=True) for line in self.lanes.lines()]
        if self._last:
            lines.append(
                Text(f"last  {self._last}", style="dim", overflow="ellipsis", no_wrap=True)
            )
        self._live.update(Group(*lines), refresh=True)


def display(
    style: Style, stream: IO[str] | None = None
) -> AbstractContextManager[Callable[[Event], None]]:
    """Return the display of a style as a context manager; `auto` looks at the stream."""
    stream = stream or sys.stderr
    if style == "auto":
        style = "live" if stream.isatty() else "lines"
    if style == "live":
        return LiveDisplay(stream)
    if style == "quiet":
        return nullcontext(_nothing)
    return nullcontext(JsonDisplay(stream) if style == "json" else LineDisplay(stream))


def _nothing(_: Event) -> None:
    return None


def started_text(event: SessionStarted) -> str:
    """Say what is ahead."""
    until = f", until {event.until:%H:%M}" if event.until else ""
    return (
        f"{event.runs} runs in {event.blocks} blocks, "
        f"about {duration_text(event.estimated_s)}{until}, kept in {event.folder}"
    )


def opened_text(event: TargetOpened) -> str:
    """Say which device a target has, and what was noticed on the way to it."""
    return "\n".join(f"{event.target}: {line}" for line in (event.device, *event.notes))


def unavailable_text(event: TargetUnavailable) -> str:
    """Say why a target is out, and what to do."""
    error = event.error
    return f"{event.target}: {error}; {event.runs_skipped} runs skipped. Next step: {error.hint}"


def trouble_text(event: TargetAway | TargetBack | BlockAdded) -> str:
    """Say what became of a target that went away."""
    match event:
        case TargetAway(target, error, waits_s):
            wait = duration_text(waits_s)
            return _plain(f"{target}: {error}; waiting up to {wait}. Next step: {error.hint}")
        case TargetBack(target, happened):
            return f"{target}: back" + (f" ({happened})" if happened else "")
        case BlockAdded(target, model, runs):
            return _plain(f"{target}: a block of {model} is added, {runs} more runs")


def finished_text(pace: Pace, *, interrupted: bool) -> str:
    """Say how it ended."""
    if interrupted:
        return f"interrupted after {pace.done} of {pace.total} runs; all of them are kept"
    return f"{pace.done} runs in {duration_text(pace.elapsed_s)}"


def run_text(run: PlannedRun) -> str:
    """Name a run for people."""
    cell = run.cell
    turn = f"block {run.block}" if run.pass_ == "latency" else f"{run.pass_} run {run.block}"
    return _plain(f"{cell.model} · {cell.target}/{cell.variant} · {turn}")


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
            return _plain(f"FAILED ({failure.kind}) {failure.message}")
        case Skipped(failure):
            return _plain(f"skipped ({failure.kind})")


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


def _plain(text: str) -> str:
    # Names and messages come from elsewhere; nothing in them may steer the terminal.
    return "".join(c if c.isprintable() else " " for c in text)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _event_fields(event: Event, lanes: Lanes) -> dict[str, Any]:
    match event:
        case SessionStarted():
            until = event.until.isoformat() if event.until else None
            return {**dataclasses.asdict(event), "until": until}
        case RunStarted(run):
            return {**_run_fields(run), "lane": lanes.name(run.bench)}
        case RunFinished(run, result):
            return {**_run_fields(run), "lane": lanes.name(run.bench), **_result_fields(result)}
        case TargetUnavailable(target, error, skipped):
            return {"target": target, "error": _error_fields(error), "runs_skipped": skipped}
        case TargetAway(target, error, waits_s):
            return {"target": target, "error": _error_fields(error), "waits_s": waits_s}
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
