"""`until: "06:30"`: a session that ends at a time of day, after the block that is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from harness.model import Failure, Pass
from harness.plan import Lane, PlannedRun, estimated_seconds

BlockKey: TypeAlias = tuple[Pass, int, str]


def next_time(text: str, now: datetime) -> datetime:
    """Return the next moment after `now` at which the local clock shows `HH:MM`.

    `now` has a zone; a time that the clock leaps over in spring is when it would have been.
    """
    hour, _, minute = text.partition(":")
    wall = now.astimezone().replace(
        tzinfo=None, hour=int(hour), minute=int(minute), second=0, microsecond=0
    )
    # As wall clocks show it: the day after has the same time, whatever its length.
    found = wall.astimezone()
    return found if found > now else (wall + timedelta(days=1)).astimezone()


def block_of(run: PlannedRun) -> BlockKey:
    """Return what is finished whole: a block of one model, or a round of another pass."""
    return run.pass_, run.block, run.cell.model if run.pass_ == "latency" else ""


def failure_of(until: datetime) -> Failure:
    """Return why a run was not made."""
    return Failure(
        "time",
        f"the session was to end at {until:%H:%M}, and its block had not begun",
        "make the missing runs with --resume, which goes on until the same time of the next day; "
        "or give it more time, or fewer blocks",
    )


@dataclass(slots=True)
class TimeLimit:
    """Tells one lane when its time is up; `until` is None where there is no limit."""

    until: datetime | None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _under_way: BlockKey | None = None
    _over: bool = False

    @property
    def is_over(self) -> bool:
        """Whether a block was not begun any more."""
        return self._over

    def ends_before(self, run: PlannedRun) -> Failure | None:
        """Return why a run is not made any more, None if its block began in time."""
        if self.until is None:
            return None
        block = block_of(run)
        if block != self._under_way:
            self._under_way = block
            # Once over it stays so, whatever is done to the clock.
            self._over = self._over or self.clock() >= self.until
        return failure_of(self.until) if self._over else None


def blocks_that_fit(lane: Lane, seconds: float) -> tuple[int, int]:
    """Return how many of a lane's blocks would begin within a time, and how many there are."""
    begun: list[float] = []
    elapsed, last = 0.0, None
    for run in lane.runs:
        if block_of(run) != last:
            last = block_of(run)
            begun.append(elapsed)
        elapsed += estimated_seconds(run)
    return sum(start < seconds for start in begun), len(begun)
