"""How far a session is, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.runner.events import BlockAdded, Event, Looked, RunFinished, SessionStarted


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

    def see(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case SessionStarted():
                self.start(event.runs, event.estimated_s)
            case BlockAdded() | Looked():
                self.total += event.runs
            case RunFinished():
                self.done += 1

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
