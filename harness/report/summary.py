"""From the runs of result folders to one summary per cell.

The run is the sample: a run gives one value per metric, and a cell's value is the median over
its runs. Ratios are formed block by block, from blocks in which both sides were measured.
Folders are never merged; each cell of each folder has a summary of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from harness.errors import CompareError
from harness.looks import Standing
from harness.model import (
    Cell,
    Facts,
    Measured,
    Pass,
    ResultFolder,
    RunResult,
    Scalar,
    SessionRecord,
    TargetRecord,
)
from harness.paired_runs import STATISTICS
from harness.report.cell_ratios import (
    RatioSummary,
    declared_ratios,
    distinct,
    over_base,
    over_original,
)
from harness.report.counting import Counting, counting
from harness.report.metric_values import (
    MetricSummary,
    RunsOf,
    cold_start_of,
    compared_times,
    memory_of,
    reason_without_time,
)

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PassSummary:
    """The latest attempts at one pass of a cell, in block order, and how many were planned.

    `left_out` are measured runs of blocks that others disturbed and new ones replaced; they are
    not among `runs`.
    """

    planned: int
    runs: tuple[RunResult, ...]
    left_out: tuple[RunResult, ...] = ()

    @property
    def measured(self) -> tuple[RunResult, ...]:
        return tuple(run for run in self.runs if isinstance(run.outcome, Measured))

    @property
    def troubled(self) -> tuple[RunResult, ...]:
        """The runs that failed or were skipped."""
        return tuple(run for run in self.runs if not isinstance(run.outcome, Measured))

    @property
    def missing(self) -> int:
        """How many planned runs were never tried."""
        return max(0, self.planned - len(self.runs))


@dataclass(frozen=True, slots=True)
class CellSummary:
    """Everything that tables say about one cell of one folder.

    `time` is the compared statistic of latency over runs, None if no run has it; `baseline`
    is the target's, and `ratios` are those with this cell's variant as numerator. `over_original`
    is this file over the fp32 file of the same variant, None where the model has no other, and
    `over_base` this model over the suite's base model, None where it has none. `sampling` is how
    far its blocks are, None where their number was fixed.
    """

    session: SessionRecord
    session_name: str
    path: str
    cell: Cell
    target: TargetRecord
    virtual: bool
    latency: PassSummary
    memory: PassSummary
    extra: Mapping[Pass, PassSummary]
    time: MetricSummary | None
    time_absent: str
    ratios: tuple[RatioSummary, ...] = ()
    over_original: RatioSummary | None = None
    over_base: RatioSummary | None = None
    cold_start: tuple[MetricSummary, ...] = ()
    memory_metrics: tuple[MetricSummary, ...] = ()
    sampling: Standing | None = None

    @property
    def passes(self) -> Mapping[Pass, PassSummary]:
        """Every pass that was planned or made, by name."""
        return {"latency": self.latency, "memory": self.memory, **self.extra}

    @property
    def statistic(self) -> str:
        return STATISTICS[self.time.metric] if self.time else ""

    @property
    def digests(self) -> tuple[Scalar, ...]:
        """The sha256 of the model file of each run that was tried, each once."""
        runs = (*self.latency.runs, *self.memory.runs)
        return distinct(run.subject.get("model_sha256") for run in runs)

    def observed(self, fact: str) -> tuple[Scalar, ...]:
        """Return the different known values of a fact over the measured runs, in run order."""
        runs = (*self.latency.measured, *self.memory.measured)
        return distinct(_facts(run).get(fact) for run in runs)


def summarise(
    folders: Sequence[ResultFolder], *, times_only: bool = False
) -> tuple[CellSummary, ...]:
    """Summarise every cell of every folder, in the order of their plans.

    `times_only` leaves out ratios, cold start and memory, which comparing folders does not ask for.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    names = _session_names(folders)
    return tuple(
        summary
        for folder, name in zip(folders, names, strict=True)
        for summary in _summarise_folder(folder, name, times_only=times_only)
    )


def latest_attempts(runs: Iterable[RunResult]) -> tuple[RunResult, ...]:
    """Return the last attempt at each planned run; a resumed session has earlier ones too."""
    latest: dict[tuple[Cell, Pass, int], RunResult] = {}
    for run in runs:
        key = (run.cell, run.pass_, run.block)
        earlier = latest.get(key)
        if earlier is None or run.attempt >= earlier.attempt:
            latest[key] = run
    return tuple(latest.values())


def _summarise_folder(
    folder: ResultFolder, name: str, *, times_only: bool
) -> Iterable[CellSummary]:
    session = folder.session
    latest = _latest_by_cell(folder.runs)
    repeated = len(folder.runs) > sum(map(len, latest.values()))
    # In the order of the file, where that is the same: reading memory in its order is quicker.
    counted = counting(session, [*chain(*latest.values())] if repeated else folder.runs)
    runs_of, passes_of = _grouped(latest, counted)
    cells = tuple(dict.fromkeys((*session.cells, *latest)))
    targets = {target.name: target for target in session.targets}
    times = compared_times(cells, runs_of)
    for cell in _in_reading_order(cells, targets):
        target = targets.get(cell.target) or _unplanned_target(cell, runs_of)
        memory_runs = session.memory_runs if target.memory_runs is None else target.memory_runs
        sampling = counted.sampling.get(cell)
        blocks = sampling.planned if sampling else session.blocks
        latency = _pass(cell, "latency", blocks, runs_of, counted, target.bench)
        memory = _pass(cell, "memory", memory_runs, runs_of, counted)
        asked = _asked_passes(session, cell, target)
        extra = _extra_passes(cell, asked, passes_of.get(cell, ()), runs_of, counted)
        for one_pass in (latency, memory, *extra.values()):
            _check_one_setting(cell, one_pass.measured)
        summary = CellSummary(
            session=session,
            session_name=name,
            path=folder.path,
            cell=cell,
            target=target,
            virtual=target.virtual or _seen_virtual((*latency.runs, *memory.runs)),
            latency=latency,
            memory=memory,
            extra=extra,
            time=times.get(cell),
            time_absent="" if cell in times else reason_without_time(latency.measured),
            sampling=sampling,
        )
        yield summary if times_only else _with_all(summary, times, runs_of)


def _latest_by_cell(runs: Iterable[RunResult]) -> dict[Cell, Collection[RunResult]]:
    """Return the last attempt at each planned run, cell by cell: a cell is looked up once a run."""
    latest: dict[Cell, dict[tuple[Pass, int], RunResult]] = {}
    for run in runs:
        of_cell = latest.get(run.cell)
        if of_cell is None:
            of_cell = latest[run.cell] = {}
        earlier = of_cell.get((run.pass_, run.block))
        if earlier is None or run.attempt >= earlier.attempt:
            of_cell[run.pass_, run.block] = run
    return {cell: of_cell.values() for cell, of_cell in latest.items()}


def _grouped(
    latest: Mapping[Cell, Collection[RunResult]], counted: Counting
) -> tuple[dict[tuple[Cell, Pass], list[RunResult]], dict[Cell, list[Pass]]]:
    """Return the runs that count of each cell and pass in block order, and each cell's passes."""
    runs_of: dict[tuple[Cell, Pass], list[RunResult]] = {}
    passes_of: dict[Cell, list[Pass]] = {}
    for cell, own in latest.items():
        aside = {run.run_id for run in counted.left_out.get(cell, ())}
        of_pass: dict[Pass, list[RunResult]] = {}
        for run in sorted(own, key=attrgetter("block")):
            if not aside or run.run_id not in aside:
                of_pass.setdefault(run.pass_, []).append(run)
        passes_of[cell] = list(of_pass)
        runs_of |= {(cell, pass_): those for pass_, those in of_pass.items()}
    return runs_of, passes_of


def _with_all(
    summary: CellSummary, times: Mapping[Cell, MetricSummary], runs_of: RunsOf
) -> CellSummary:
    cell, target = summary.cell, summary.target
    return replace(
        summary,
        ratios=declared_ratios(cell, target, times, runs_of),
        over_original=over_original(cell, target, times, runs_of),
        over_base=over_base(cell, summary.session, target, times, runs_of),
        cold_start=cold_start_of(summary.latency.measured),
        memory_metrics=memory_of(summary.memory.measured),
    )


def _pass(
    cell: Cell, name: Pass, planned: int, runs_of: RunsOf, counted: Counting, bench: str = ""
) -> PassSummary:
    return PassSummary(
        planned + counted.beside(cell, name, bench),
        tuple(runs_of.get((cell, name), ())),
        counted.left_out.get(cell, ()) if name == "latency" else (),
    )


def _asked_passes(session: SessionRecord, cell: Cell, target: TargetRecord) -> tuple[Pass, ...]:
    noted = session.models.get(f"{cell.model}/{cell.file}", {})
    quality: tuple[Pass, ...] = ("quality",) if noted.get("evaluate") else ()
    return (*quality, *target.extra_passes)


def _extra_passes(
    cell: Cell,
    asked: Sequence[Pass],
    made: Sequence[Pass],
    runs_of: RunsOf,
    counted: Counting,
) -> dict[Pass, PassSummary]:
    return {
        name: _pass(cell, name, int(name in asked), runs_of, counted)
        for name in dict.fromkeys((*asked, *made))
        if name not in {"latency", "memory"}
    }


def _seen_virtual(runs: Iterable[RunResult]) -> bool:
    return True in [run.setting.get("virtual") for run in runs]


def _session_names(folders: Sequence[ResultFolder]) -> list[str]:
    candidates = (
        [folder.session.label for folder in folders],
        [folder.path.rstrip("/").rpartition("/")[2] for folder in folders],
    )
    for names in candidates:
        if all(names) and len(set(names)) == len(names):
            return names
    return [folder.path for folder in folders]


def _in_reading_order(cells: Iterable[Cell], targets: Mapping[str, TargetRecord]) -> Sequence[Cell]:
    known = list(cells)
    models = _places((cell.model, cell.file) for cell in known)
    names = _places((*targets, *(cell.target for cell in known)))

    def place(cell: Cell) -> tuple[int, int, int]:
        target = targets.get(cell.target)
        variants = target.variants if target else ()
        variant = variants.index(cell.variant) if cell.variant in variants else len(variants)
        return (models[cell.model, cell.file], names[cell.target], variant)

    return sorted(known, key=place)


def _places(names: Iterable[_Name]) -> dict[_Name, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _unplanned_target(cell: Cell, runs_of: RunsOf) -> TargetRecord:
    run = (runs_of.get((cell, "latency")) or runs_of[cell, "memory"])[0]
    return TargetRecord(
        name=cell.target,
        driver=str(run.setting.get("driver") or ""),
        bench=run.bench,
        virtual=_seen_virtual((run,)),
        variants=(cell.variant,),
        baseline=None,
        ratios=(),
        min_effect=0.02,
    )


def _check_one_setting(cell: Cell, runs: Sequence[RunResult]) -> None:
    settings = [run.setting for run in runs]
    if not settings or settings.count(settings[0]) == len(settings):
        return
    facts = dict.fromkeys(fact for run in runs for fact in run.setting)
    seen = {fact: distinct(run.setting.get(fact) for run in runs) for fact in facts}
    differing = [
        f"{fact} ({', '.join(map(str, values))})"
        for fact, values in seen.items()
        if len(values) > 1
    ]
    if differing:
        raise CompareError(
            f"the runs of {cell.label} were measured under different settings: "
            + ", ".join(differing),
            hint="measure the suite again in one session; runs of different settings "
            "are different measurements",
        )


def _facts(run: RunResult) -> Facts:
    return {**run.conditions, **run.subject, **run.setting}
