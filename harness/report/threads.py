"""Speed-up over threads: every number of threads against one thread of the same build.

A line is found in what was measured: cells of one model and target whose settings and builds
differ in the number of threads alone, so that older folders and hand-written variants have
lines too. What TF.js chose by itself is on none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.model import Column, Figure, Table, TableValue
from harness.report import notes
from harness.report.cell_ratios import RatioSummary
from harness.report.family_wise import family_rule, in_family
from harness.report.layout import Labels, gain, section_of, time_or_word
from harness.report.marks import marked_among
from harness.report.numbers import SECONDS, Scale, percent, scale_for, without_noise
from harness.report.ran_as import is_forced, ran_as_notes
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import cell_ratio

_BUILDS = ("tool", "tool_sha256", "wasm_sha256")
_NOT_THE_BUILD = frozenset({"threads", "some_nodes_delegated", "nodes_delegated"})


@dataclass(frozen=True, slots=True)
class Point:
    """One number of threads: its cell, and its speed-up over one thread (None at one itself)."""

    threads: int
    cell: CellSummary
    over_one: RatioSummary | None

    @property
    def forced(self) -> bool:
        return is_forced(self.cell)


@dataclass(frozen=True, slots=True)
class Line:
    """One build of one target with one model, by number of threads, the fewest first."""

    name: str
    points: tuple[Point, ...]

    @property
    def has_one_thread(self) -> bool:
        return self.points[0].threads == 1


def lines(cells: Sequence[CellSummary]) -> tuple[Line, ...]:
    """Return every line of two numbers of threads or more."""
    groups: dict[tuple[object, ...], dict[int, CellSummary]] = {}
    for cell in cells:
        threads = cell.observed("threads")
        if cell.time and len(threads) == 1 and isinstance(threads[0], int):
            # Of two variants that are the same in everything, the first stands for both.
            groups.setdefault(_build(cell), {}).setdefault(threads[0], cell)
    return tuple(_line(each) for each in groups.values() if len(each) > 1)


def _build(cell: CellSummary) -> tuple[object, ...]:
    run = cell.latency.measured[0]
    setting = {k: v for k, v in run.setting.items() if k not in _NOT_THE_BUILD}
    builds = tuple(run.subject.get(name) for name in _BUILDS)
    own = cell.cell
    return (cell.path, own.model, own.file, own.target, *sorted(setting.items(), key=str), builds)


def _line(cells: dict[int, CellSummary]) -> Line:
    one = cells.get(1)
    points = tuple(
        Point(threads, cell, cell_ratio(cell, one) if one and threads > 1 else None)
        for threads, cell in sorted(cells.items())
    )
    last = points[-1].cell
    key = f"{last.cell.target}/{last.cell.variant}"
    return Line(f"{last.cell.target} {last.session.origins.get(key, last.cell.variant)}", points)


def threads_table(cells: Sequence[CellSummary], *, family_wise: bool = False) -> Table | None:
    """Return a row per number of threads of each line; None where there is no line.

    `family_wise` has all its verdicts hold together.
    """
    found = _judged_together(lines(cells)) if family_wise else lines(cells)
    if not found:
        return None
    shown = [point.cell for line in found for point in line.points]
    labels = Labels(shown)
    scale = scale_for((cell.time.median for cell in shown if cell.time), SECONDS)
    return Table(
        name="threads",
        title="Threads: speed-up over one thread of the same build",
        columns=(
            *labels.columns,
            Column("variant", "variant"),
            Column("threads", "threads", align="right"),
            Column("time", "time", scale.unit, "right"),
            Column("over_one", "speed-up", align="right"),
            Column("share", "of ideal", align="right"),
        ),
        rows=tuple(
            (*labels.of(point.cell), *_row(point, scale)) for line in found for point in line.points
        ),
        notes=(*_meaning(found), *ran_as_notes(shown), *_marked(found), *notes.provenance(shown)),
        section=section_of(shown),
    )


def _judged_together(found: Sequence[Line]) -> tuple[Line, ...]:
    every = [point for line in found for point in line.points]
    ratios = iter(in_family([point.over_one for point in every if point.over_one]))
    return tuple(
        replace(
            line,
            points=tuple(
                replace(point, over_one=next(ratios)) if point.over_one else point
                for point in line.points
            ),
        )
        for line in found
    )


def _row(point: Point, scale: Scale) -> tuple[TableValue, ...]:
    forced = " forced" if point.forced else ""
    return (
        point.cell.cell.variant,
        Figure(point.threads, f"{point.threads}{forced}"),
        time_or_word(point.cell, scale),
        "1 thread" if point.threads == 1 else gain(point.over_one),
        _share_of_ideal(point),
    )


def _share_of_ideal(point: Point) -> Figure | None:
    found = point.over_one.estimate if point.over_one else None
    if found is None:
        return None
    share = found.estimate / point.threads
    return Figure(without_noise(share), percent(share))


def _meaning(found: Sequence[Line]) -> Iterator[str]:
    ratios = [p.over_one for line in found for p in line.points if p.over_one]
    intervals = any(ratio.estimate and ratio.estimate.low is not None for ratio in ratios)
    yield (
        "speed-up: the time of one thread divided by the time of so many, block by block"
        + (", with its 95 % interval" if intervals else "")
        + "; of ideal: that over the number of threads."
    )
    for line in found:
        if not line.has_one_thread:
            yield f"{line.name}: no speed-up, its point of one thread has no time."
    yield from family_rule(ratios)
    reasons = dict.fromkeys(ratio.reason for ratio in ratios if ratio.reason)
    yield from (f"No speed-up: {reason}." for reason in reasons)


def _marked(found: Sequence[Line]) -> tuple[str, ...]:
    return marked_among([p.over_one for line in found for p in line.points if p.over_one])
