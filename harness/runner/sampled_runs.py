"""The runs that a lane has before it where blocks are added until intervals are narrow enough.

First come the blocks up to a look, with those that failures add and disturbances replace; then
the lane looks, and goes on to the next look with the models that need more. When none does, the
other passes follow.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from harness.disturbances import Place
from harness.looks import Looking, Standing, runs_due, standings
from harness.model import RunResult
from harness.plan import Lane, PlannedRun
from harness.retries import added_runs, blocks_due, in_order, is_made
from harness.runner.events import BlockAdded, Event, Looked


class SampledRuns:
    """Asks, whenever its runs are made, which others the stored ones call for."""

    def __init__(
        self,
        lane: Lane,
        stored: Sequence[RunResult],
        seed: int,
        looking: Looking,
        emit: Callable[[Event], None],
    ) -> None:
        self._lane = lane
        self._runs = [run for run in stored if run.bench == lane.bench and is_made(run)]
        self._known = {(run.cell, run.pass_, run.block) for run in self._runs}
        self._seed = seed
        self._looking = looking
        orders = [*(run.order for run in lane.runs), *(run.order for run in self._runs)]
        self._last_order = max(orders, default=0)
        self._standings = standings(self._runs, looking, lane.bench)
        self._queue: deque[PlannedRun] = deque()
        self._emit: Callable[[Event], None] = lambda _: None
        self._take_latency()
        # What is found now was told of when it was made; the lane begins with what is left.
        self._emit = emit

    def next(self, *, more: bool) -> PlannedRun | None:
        """Return the next run, None when all are made; unless `more`, no further look begins."""
        if not self._queue and more:
            self._look()
            self._take_latency()
        if not self._queue:
            self._take_others()
        return self._queue.popleft() if self._queue else None

    def after(self, result: RunResult) -> None:
        """Take in how a run ended, or that it was skipped."""
        self._runs.append(result)

    @property
    def left(self) -> tuple[PlannedRun, ...]:
        """The runs that are ahead whatever the next look says."""
        others = (run for run in self._lane.runs if run.pass_ != "latency")
        return (*self._queue, *(run for run in others if run.key not in self._known))

    def _look(self) -> None:
        before, self._standings = (
            self._standings,
            standings(self._runs, self._looking, self._lane.bench),
        )
        for place, standing in self._standings.items():
            if standing.looked > before[place].looked:
                self._emit(self._looked(place, standing))

    def _looked(self, place: Place, standing: Standing) -> Looked:
        runs = len(self._looking.cells[place]) * (standing.planned - standing.looked)
        return Looked(
            bench=self._lane.bench,
            model=place[1],
            blocks=standing.looked,
            half_width=standing.seen.half_width,
            precision=self._looking.precision,
            state=standing.state,
            runs=runs,
        )

    def _take_latency(self) -> None:
        due = runs_due(self._lane, self._standings, self._runs, self._looking, self._seed)
        self._take(due.planned)
        self._tell(self._take_numbered(due.added), "")
        self._tell(self._take_numbered(due.replacing), "others used the CPU during a block")

    def _take_others(self) -> None:
        """Take the other passes, and the runs that failures in them call for."""
        self._take(run for run in self._lane.runs if run.pass_ != "latency")
        others = [run for run in self._runs if run.pass_ != "latency"]
        due = blocks_due(others, self._looking.added_blocks)
        added = added_runs(self._lane.prototypes, due, self._seed, after=0)
        self._tell(self._take_numbered(added), "")

    def _take_numbered(self, runs: Iterable[PlannedRun]) -> list[PlannedRun]:
        """Take runs that no plan has, with places in the order of their lane."""
        new = [run for run in runs if run.key not in self._known]
        numbered = in_order(new, after=self._last_order)
        self._last_order += len(numbered)
        return self._take(numbered)

    def _take(self, runs: Iterable[PlannedRun]) -> list[PlannedRun]:
        new = [run for run in runs if run.key not in self._known]
        self._known.update(run.key for run in new)
        self._queue.extend(new)
        return new

    def _tell(self, runs: Sequence[PlannedRun], why: str) -> None:
        blocks = Counter((run.target.name, run.cell.model, run.block) for run in runs)
        for (target, model, _), number in blocks.items():
            self._emit(BlockAdded(target, model, number, why))
