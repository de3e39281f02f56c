"""From a suite to the runs that will be made, in a recorded random order.

A block is one latency run of every cell of one model on one bench, or of all models where the
suite has a base model that they are compared to. Blocks of the models take turns, so that a slow
drift of the machine touches all of them; memory runs, which never share a run with latency, come
after the last block, and the other passes after those.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from harness.errors import SuiteError
from harness.model import Cell, Pass, ShardRecord
from harness.plugins import Driver
from harness.selection import EVERYTHING, Selection, parse_selection
from harness.statistics.sequential import LOOKS
from harness.suite.values import ModelSource, Suite, Target, Variant
from harness.twin_names import own_name

__all__ = [
    "EVERYTHING",
    "Lane",
    "Plan",
    "PlannedRun",
    "Selection",
    "bench_of",
    "benches_of",
    "cell_runs",
    "estimated_seconds",
    "make",
    "of_cells",
    "own_cell",
    "parse_selection",
    "without",
]


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to make: a cell, its pass, and its place in the order of its bench."""

    cell: Cell
    bench: str
    pass_: Pass
    block: int
    order: int
    model: ModelSource
    target: Target
    variant: Variant

    @property
    def key(self) -> tuple[Cell, Pass, int]:
        """What makes this run the same run when a session is resumed."""
        return (self.cell, self.pass_, self.block)

    def run_id(self, attempt: int) -> str:
        """Return a name that is safe in paths and URLs, whatever the cell is called."""
        cell = self.cell
        name = f"{cell.model}\0{cell.file}\0{cell.target}\0{cell.variant}"
        digest = sha256(name.encode()).hexdigest()[:8]
        return f"{self.pass_[0]}{self.block:03d}-{digest}-a{attempt}"


@dataclass(frozen=True, slots=True)
class Lane:
    """The runs of one bench, in order; lanes run side by side, a lane's runs one by one.

    `prototypes` has the last planned run of each cell and pass, also where it is done.
    """

    bench: str
    runs: tuple[PlannedRun, ...]
    prototypes: tuple[PlannedRun, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a session means to do; `blocks` and `seed` as they were in the end.

    With a `precision` these are the blocks that it makes at most, and how many it makes of each
    model is decided at the `looks`, see `harness.looks`; `budget_s` bounds the time of a bench.
    `shard` says which part it is of the whole plan, None for all of it.
    `twins` are runs of other builds, a prototype of each, in the blocks of the suite's own.
    """

    suite: Suite
    lanes: tuple[Lane, ...]
    blocks: int
    seed: int
    precision: float | None = None
    budget_s: float | None = None
    shard: ShardRecord | None = None
    twins: tuple[PlannedRun, ...] = ()

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of blocks at which intervals are looked at; none if the number is fixed."""
        return () if self.precision is None else LOOKS

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        return tuple(run for lane in self.lanes for run in lane.runs)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell, in the order of the suite."""
        planned = {run.cell for run in self.runs}
        every = (
            Cell(model.name, model.file, target.name, variant.name)
            for model in self.suite.models
            for target in self.suite.targets
            for variant in target.variants
        )
        beside = (twin.cell for twin in self.twins)
        return tuple(cell for cell in (*every, *beside) if cell in planned)


_EXTRA_PASSES: tuple[Pass, ...] = ("quality", "ops", "sustained")


def make(
    suite: Suite,
    drivers: Mapping[str, Driver],
    *,
    blocks: int | None = None,
    seed: int | None = None,
    only: Selection = EVERYTHING,
    twins: Sequence[PlannedRun] = (),
) -> Plan:
    """Lay out all runs of a suite; `drivers` is driver name → driver.

    A number of `blocks` stands in place of what the suite says, its precision included.
    `twins` stand in the blocks of their models, where the cells are selected that they are of.

    Raises:
        SuiteError: the selection leaves nothing.
    """
    precision, budget_s = suite.sampling.precision, suite.sampling.budget
    if blocks is not None:
        precision = budget_s = None
    elif precision is not None:
        blocks = LOOKS[-1]
    else:
        blocks = suite.sampling.blocks
    seed = suite.sampling.seed if seed is None else seed
    prototypes = [run for run in cell_runs(suite, drivers) if only.admits(run.cell)]
    if not prototypes:
        known = ", ".join(run.cell.label for run in cell_runs(suite, drivers))
        raise SuiteError("--only leaves no cell of this suite", hint=f"the cells are: {known}")
    chosen = {run.cell for run in prototypes}
    beside = tuple(twin for twin in twins if own_cell(twin.cell) in chosen)
    prototypes += beside
    benches = dict.fromkeys(run.bench for run in prototypes)
    together = suite.base_model is not None
    lanes = tuple(
        _lane(bench, [r for r in prototypes if r.bench == bench], blocks, seed, together)
        for bench in benches
    )
    return Plan(suite, lanes, blocks, seed, precision=precision, budget_s=budget_s, twins=beside)


def benches_of(plan: Plan) -> Mapping[str, str]:
    """Return the bench of each target that a plan has runs of."""
    return {run.target.name: run.bench for run in plan.runs}


def of_cells(plan: Plan, cells: Iterable[Cell]) -> Plan:
    """Return the plan with the runs of these cells alone; order numbers stay."""
    accepted = frozenset(cells)
    return replace(
        plan,
        lanes=tuple(
            Lane(
                lane.bench,
                tuple(run for run in lane.runs if run.cell in accepted),
                tuple(run for run in lane.prototypes if run.cell in accepted),
            )
            for lane in plan.lanes
        ),
    )


def without(plan: Plan, done: Iterable[tuple[Cell, Pass, int]]) -> Plan:
    """Return the plan without the runs whose keys are done; order numbers stay."""
    finished = frozenset(done)
    lanes = tuple(
        replace(lane, runs=tuple(run for run in lane.runs if run.key not in finished))
        for lane in plan.lanes
    )
    return replace(plan, lanes=tuple(lane for lane in lanes if lane.runs))


def own_cell(cell: Cell) -> Cell:
    """Return the suite's own cell of which a cell is a twin; of any other, itself."""
    return replace(cell, target=own_name(cell.target))


def bench_of(target: Target, driver: Driver) -> str:
    """Name the bench that a target stands on: its phone's, else what its driver says."""
    return target.phone.bench if target.phone else driver.bench(target.options)


def estimated_seconds(run: PlannedRun) -> float:
    """Return about how long a run takes: start-up, warm-up, and timing of a quick model.

    A model slower than its share of `timed.max_seconds` takes up to that many seconds.
    """
    start_up_s = 1.5
    sampling = run.target.sampling
    if run.pass_ == "sustained" and sampling.sustained is not None:
        return start_up_s + sampling.sustained + sampling.cooldown_s
    timed_s = min(sampling.timed.max_seconds, 0.02 * sampling.timed.iterations)
    warmup_s = max(sampling.warmup.seconds, 0.02 * sampling.warmup.iterations)
    frames_s = run.model.workload.schedule_s if run.model.workload else 0.0
    measured_s = 1.0 if run.pass_ == "memory" else warmup_s + timed_s + frames_s
    return start_up_s + measured_s + sampling.cooldown_s


def cell_runs(suite: Suite, drivers: Mapping[str, Driver]) -> list[PlannedRun]:
    """Return a run of every cell of a suite, which has no place in an order yet."""
    return [
        PlannedRun(
            cell=Cell(model.name, model.file, target.name, variant.name),
            bench=bench_of(target, drivers[target.driver]),
            pass_="latency",
            block=0,
            order=0,
            model=model,
            target=target,
            variant=variant,
        )
        for model in suite.models
        for target in suite.targets
        for variant in target.variants
    ]


def _lane(bench: str, prototypes: list[PlannedRun], blocks: int, seed: int, together: bool) -> Lane:
    runs = tuple(_runs(prototypes, blocks, seed, together=together))
    return Lane(bench, runs, tuple({(run.cell, run.pass_): run for run in runs}.values()))


def _runs(
    prototypes: list[PlannedRun], blocks: int, seed: int, *, together: bool
) -> list[PlannedRun]:
    models = [""] if together else list(dict.fromkeys(run.cell.model for run in prototypes))
    runs: list[PlannedRun] = []
    for block in range(1, blocks + 1):
        for model in models:
            cells = [run for run in prototypes if together or run.cell.model == model]
            _shuffle(cells, seed, cells[0].bench, model, "latency", block)
            runs += [replace(run, block=block) for run in cells]
    memory_runs = max(run.target.sampling.memory_runs for run in prototypes)
    for repeat in range(1, memory_runs + 1):
        cells = [run for run in prototypes if repeat <= run.target.sampling.memory_runs]
        _shuffle(cells, seed, cells[0].bench, "", "memory", repeat)
        runs += [replace(run, block=repeat, pass_="memory") for run in cells]
    runs += _extra_passes(prototypes, seed)
    return [replace(run, order=order) for order, run in enumerate(runs, start=1)]


def _extra_passes(prototypes: list[PlannedRun], seed: int) -> list[PlannedRun]:
    """Return one run per cell and pass that its model or target asks for, the longest last."""
    runs: list[PlannedRun] = []
    for pass_ in _EXTRA_PASSES:
        cells = [run for run in prototypes if pass_ in _extra_passes_of(run)]
        if cells:
            _shuffle(cells, seed, cells[0].bench, "", pass_, 1)
        runs += [replace(run, block=1, pass_=pass_) for run in cells]
    return runs


def _extra_passes_of(run: PlannedRun) -> tuple[Pass, ...]:
    quality: tuple[Pass, ...] = ("quality",) if run.model.evaluate else ()
    return (*quality, *run.target.sampling.extra_passes)


def _shuffle(
    runs: list[PlannedRun], seed: int, bench: str, model: str, pass_: Pass, block: int
) -> None:
    # Named per block, so that adding blocks never changes the order of earlier ones.
    # Not for secrets: a recorded seed must give the same order again.
    random.Random(f"{seed}/{bench}/{model}/{pass_}/{block}").shuffle(runs)  # noqa: S311
