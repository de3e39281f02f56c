"""From the runs of result folders to one summary per cell.

The run is the sample: a run gives one value per metric, and a cell's value is the median over
its runs. Ratios are formed block by block, from blocks in which both sides were measured.
Folders are never merged; each cell of each folder has a summary of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import CompareError
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
from harness.outputs import ORIGINAL
from harness.report.counting import Counting, counting
from harness.report.metric_values import (
    STATISTICS,
    MetricSummary,
    RunsOf,
    cold_start_of,
    compared_times,
    measured_runs,
    memory_of,
    reason_without_time,
)
from harness.report.stats import RatioEstimate, Verdict, paired_ratio, verdict

SAME_FOR_A_RATIO = (
    "driver",
    "device",
    "device_hash",
    "cpu_model",
    "os_major",
    "context",
    "timed",
    "warmup_iterations",
    "warmup_seconds",
    "timed_iterations",
    "timed_max_seconds",
    "inputs_sha256",
    "input_shapes",
    "metrics_version",
    "virtual",
    "method",
    "clocks",
)
"""Settings that two variants of a block share; the others are what the variants declare."""


MARKED = ("throttled", "noisy")
"""Verdicts whose runs keep their numbers and are shown as marked."""


@dataclass(frozen=True, slots=True)
class RatioSummary:
    """A declared ratio of one cell: time of `denominator` over time of `numerator`.

    Both name variants, or both name files of one variant. `estimate` is None where there is
    nothing to compare; `reason` then says why. `marked_blocks` counts the blocks in which a run
    of either side is marked.
    """

    numerator: str
    denominator: str
    estimate: RatioEstimate | None = None
    verdict: Verdict | None = None
    reason: str = ""
    marked_blocks: int = 0


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
    is this file over the fp32 file of the same variant, None where the model has no other.
    """

    session: SessionRecord
    session_name: str
    path: str
    cell: Cell
    target: TargetRecord
    virtual: bool
    latency: PassSummary
    memory: PassSummary
    time: MetricSummary | None
    time_absent: str
    ratios: tuple[RatioSummary, ...]
    over_original: RatioSummary | None
    cold_start: tuple[MetricSummary, ...]
    memory_metrics: tuple[MetricSummary, ...]
    extra: Mapping[Pass, PassSummary]

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


def summarise(folders: Sequence[ResultFolder]) -> tuple[CellSummary, ...]:
    """Summarise every cell of every folder, in the order of their plans.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    names = _session_names(folders)
    return tuple(
        summary
        for folder, name in zip(folders, names, strict=True)
        for summary in _summarise_folder(folder, name)
    )


def verdict_of(run: RunResult) -> str:
    """Return the verdict on a run's conditions, '' where it is not known."""
    return str(run.conditions.get("verdict") or "")


def distinct(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Return each known value once, in order."""
    return tuple(dict.fromkeys(value for value in values if value is not None))


def latest_attempts(runs: Iterable[RunResult]) -> tuple[RunResult, ...]:
    """Return the last attempt at each planned run; a resumed session has earlier ones too."""
    latest: dict[tuple[Cell, Pass, int], RunResult] = {}
    for run in runs:
        key = (run.cell, run.pass_, run.block)
        if key not in latest or run.attempt >= latest[key].attempt:
            latest[key] = run
    return tuple(latest.values())


def _summarise_folder(folder: ResultFolder, name: str) -> Iterable[CellSummary]:
    session = folder.session
    latest = latest_attempts(folder.runs)
    counted = counting(session, latest)
    runs_of: dict[tuple[Cell, Pass], list[RunResult]] = {}
    for run in sorted(counted.runs, key=lambda run: run.block):
        runs_of.setdefault((run.cell, run.pass_), []).append(run)
    cells = tuple(dict.fromkeys((*session.cells, *(run.cell for run in latest))))
    targets = {target.name: target for target in session.targets}
    times = compared_times(cells, runs_of)
    for cell in _in_reading_order(cells, targets):
        target = targets.get(cell.target) or _unplanned_target(cell, runs_of)
        memory_runs = session.memory_runs if target.memory_runs is None else target.memory_runs
        latency = _pass(cell, "latency", session.blocks, runs_of, counted, target.bench)
        memory = _pass(cell, "memory", memory_runs, runs_of, counted)
        extra = _extra_passes(cell, _asked_passes(session, cell, target), runs_of, counted)
        for one_pass in (latency, memory, *extra.values()):
            _check_one_setting(cell, one_pass.measured)
        yield CellSummary(
            session=session,
            session_name=name,
            path=folder.path,
            cell=cell,
            target=target,
            virtual=target.virtual or _seen_virtual((*latency.runs, *memory.runs)),
            latency=latency,
            memory=memory,
            time=times.get(cell),
            time_absent="" if cell in times else reason_without_time(latency.measured),
            ratios=_ratios(cell, target, times, runs_of),
            over_original=_over_original(cell, target, times, runs_of),
            cold_start=cold_start_of(latency.measured),
            memory_metrics=memory_of(memory.measured),
            extra=extra,
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
    cell: Cell, asked: tuple[Pass, ...], runs_of: RunsOf, counted: Counting
) -> dict[Pass, PassSummary]:
    made = [pass_ for other, pass_ in runs_of if other == cell]
    names = dict.fromkeys((*asked, *made))
    return {
        name: _pass(cell, name, int(name in asked), runs_of, counted)
        for name in names
        if name not in {"latency", "memory"}
    }


def _seen_virtual(runs: Iterable[RunResult]) -> bool:
    return any(run.setting.get("virtual") is True for run in runs)


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
    models = list(dict.fromkeys((cell.model, cell.file) for cell in known))
    names = list(dict.fromkeys((*targets, *(cell.target for cell in known))))

    def place(cell: Cell) -> tuple[int, int, int]:
        target = targets.get(cell.target)
        variants = target.variants if target else ()
        variant = variants.index(cell.variant) if cell.variant in variants else len(variants)
        return (models.index((cell.model, cell.file)), names.index(cell.target), variant)

    return sorted(known, key=place)


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


def _ratios(
    cell: Cell,
    target: TargetRecord,
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
) -> tuple[RatioSummary, ...]:
    found = []
    for numerator, denominator in target.ratios:
        if numerator != cell.variant:
            continue
        other = Cell(cell.model, cell.file, cell.target, denominator)
        found.append(_ratio((cell, numerator), (other, denominator), target, times, runs_of))
    return tuple(found)


def _over_original(
    cell: Cell, target: TargetRecord, times: Mapping[Cell, MetricSummary], runs_of: RunsOf
) -> RatioSummary | None:
    other = Cell(cell.model, ORIGINAL, cell.target, cell.variant)
    planned = any(one == other for one, _ in runs_of)
    if cell.file == ORIGINAL or not planned:
        return None
    return _ratio((cell, cell.file), (other, ORIGINAL), target, times, runs_of)


def _ratio(
    above: tuple[Cell, str],
    below: tuple[Cell, str],
    target: TargetRecord,
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
) -> RatioSummary:
    """Compare two cells, each with the name that the ratio calls it by, block by block."""
    (cell, numerator), (other, denominator) = above, below
    reason = _why_not_comparable(above, below, times, runs_of)
    if reason:
        return RatioSummary(numerator, denominator, reason=reason)
    theirs, ours = dict(times[other].by_block), dict(times[cell].by_block)
    logs = [math.log(theirs[block] / ours[block]) for block in theirs if block in ours]
    if not logs:
        reason = "no block in which both were measured"
        return RatioSummary(numerator, denominator, reason=reason)
    estimate = paired_ratio(logs)
    judged = verdict(estimate, target.min_effect)
    sides = (*runs_of[cell, "latency"], *runs_of[other, "latency"])
    marked = _marked_blocks(sides) & theirs.keys() & ours.keys()
    return RatioSummary(numerator, denominator, estimate, judged, marked_blocks=len(marked))


def _marked_blocks(runs: Iterable[RunResult]) -> set[tuple[str, int]]:
    return {(run.bench, run.block) for run in runs if verdict_of(run) in MARKED}


def _why_not_comparable(
    above: tuple[Cell, str],
    below: tuple[Cell, str],
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
) -> str:
    for side, name in (above, below):
        if side not in times:
            return f"{name} has no time here"
    cell, other = above[0], below[0]
    if times[cell].metric != times[other].metric:
        return "two statistics"
    ours, theirs = (measured_runs(runs_of[side, "latency"])[0].setting for side in (cell, other))
    differing = [
        fact for fact in SAME_FOR_A_RATIO if len(distinct((ours.get(fact), theirs.get(fact)))) > 1
    ]
    return f"not comparable: {', '.join(differing)} differ" if differing else ""


def _facts(run: RunResult) -> Facts:
    return {**run.conditions, **run.subject, **run.setting}
