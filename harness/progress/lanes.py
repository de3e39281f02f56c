"""How far each lane of a session is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from harness.progress.texts import plain, run_text
from harness.runner.events import (
    Event,
    LaneAhead,
    Looked,
    RunFinished,
    RunStarted,
    SessionStarted,
)


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
            case Looked(bench=bench, runs=runs) if bench in self._ahead:
                lane = self._ahead[bench]
                self._ahead[bench] = replace(lane, runs=lane.runs + runs)
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
        return f"{plain(self.name(bench))}: " if len(self._ahead) > 1 else ""

    def lines(self) -> list[str]:
        """Return a line per lane."""
        if len(self._ahead) <= 1:
            return [f"now   {next(iter(self._now.values()), 'starting')}"]
        return [
            f"{plain(lane.name)}  {self._done[bench]}/{lane.runs}  {self._text(lane)}"
            for bench, lane in self._ahead.items()
        ]

    def _text(self, lane: LaneAhead) -> str:
        waiting = "done" if self._done[lane.bench] >= lane.runs else "preparing"
        return self._now.get(lane.bench, waiting)
