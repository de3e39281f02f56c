"""The displays: lines, JSON lines, and a live one for terminals.

Nothing is redrawn between events: a display that ticks would take CPU from what is measured.
"""

from __future__ import annotations

import json
from typing import IO, Self

from harness.model import Failed, RunResult
from harness.plan import PlannedRun
from harness.progress.json_events import event_fields, snake
from harness.progress.lanes import Lanes
from harness.progress.pace import Pace
from harness.progress.texts import (
    Arrival,
    arrival_text,
    duration_text,
    finished_text,
    looked_text,
    outcome_text,
    run_text,
    started_text,
    trouble_text,
    unavailable_text,
    waiting_text,
)
from harness.runner.events import (
    BlockAdded,
    BrowserJoined,
    Event,
    Looked,
    Noticed,
    ReferenceStarted,
    RunFinished,
    RunWaiting,
    Serving,
    SessionFinished,
    SessionStarted,
    TargetAway,
    TargetBack,
    TargetOpened,
    TargetUnavailable,
)


class LineDisplay:
    """One line per event that matters; for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.pace = Pace()
        self.lanes = Lanes()

    def __call__(self, event: Event) -> None:
        self.lanes.see(event)
        self.pace.see(event)
        if isinstance(event, Serving) and self._stream.isatty():
            print(event.qr, file=self._stream)
        text = self._text(event)
        if text:
            print(text, file=self._stream, flush=True)

    def _text(self, event: Event) -> str:
        match event:
            case SessionStarted():
                return started_text(event)
            case Serving() | TargetOpened() | BrowserJoined() | Noticed():
                return arrival_text(event)
            case TargetUnavailable():
                return unavailable_text(event)
            case BlockAdded() | TargetAway() | TargetBack():
                return trouble_text(event)
            case Looked(bench=bench):
                return f"{self.lanes.prefix(bench)}{looked_text(event)}"
            case RunWaiting(run):
                return f"{self.lanes.prefix(run.bench)}{waiting_text(event)}"
            case ReferenceStarted(target, model):
                return f"{target}: computing the reference output of {model}"
            case RunFinished(run, result):
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
        self.pace.see(event)
        record = {
            "event": snake(type(event).__name__),
            **event_fields(event, self.lanes),
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
        self.pace.see(event)
        match event:
            case SessionStarted():
                self._say(started_text(event))
            case Serving() | TargetOpened() | BrowserJoined() | Noticed():
                self._arrived(event)
            case TargetUnavailable():
                self._say(unavailable_text(event), style="yellow")
            case BlockAdded() | TargetAway() | TargetBack():
                self._say(trouble_text(event), style="yellow")
            case Looked():
                self._say(looked_text(event))
            case RunWaiting():
                self._last = waiting_text(event)
            case ReferenceStarted(_, model):
                self._last = f"computing the reference output of {model}"
            case RunFinished(run, result):
                self._finished(run, result)
            case SessionFinished(interrupted):
                self._say(finished_text(self.pace, interrupted=interrupted))
        self._draw(over=isinstance(event, SessionFinished))

    def _arrived(self, event: Arrival) -> None:
        from rich.text import Text

        if not isinstance(event, Serving):
            self._say(arrival_text(event))
            return
        self._console.print(Text.from_ansi(event.qr), soft_wrap=True)
        # Wrapped by the terminal, so that the address is copied in one piece.
        self._console.print(Text(arrival_text(event)), soft_wrap=True)

    def _finished(self, run: PlannedRun, result: RunResult) -> None:
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
