"""The article's two tables: strategies in its order as rows, record sets as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.memory_plan.comparison import BEST_OF, Comparison
from harness.memory_plan.optimum import Optimum
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan
from harness.model import Column, Figure, Table, TableValue

MIB = 2**20
_MARK = "* "
_MARK_NOTE = "* is the least of the strategies, column by column"


@dataclass(frozen=True, slots=True)
class _Side:
    """What one of the two tables takes of a comparison."""

    records: RecordSet
    plans: Sequence[SharedPlan | OffsetPlan]
    best_of: OffsetPlan | None
    optimum: Optimum
    bound: tuple[str, int]
    naive_bytes: int


def memory_tables(compared: Sequence[Comparison]) -> list[Table]:
    """Return the table for shared objects and the table for offsets."""
    return [
        _table("memory_shared", "Planned memory: shared objects", compared, _shared),
        _table("memory_offset", "Planned memory: offset calculation", compared, _offset),
    ]


def mebibytes(total_bytes: int, text: str = "{}") -> Figure:
    """Return bytes as a figure in MiB with three decimals, which also keeps them exactly."""
    mib = total_bytes / MIB
    return Figure(mib, text.format(f"{mib:.3f}"), exact_bytes=total_bytes)


def record_columns(sets: Sequence[RecordSet]) -> tuple[Column, ...]:
    """Return a column in MiB per record set; equal titles get their place behind them."""
    titles = [records.title for records in sets]
    names = [
        f"{title} #{number}" if titles.count(title) > 1 else title
        for number, title in enumerate(titles, start=1)
    ]
    return tuple(Column(f"total:{name}", name, "MiB", "right") for name in names)


def described(records: RecordSet) -> str:
    """Return one sentence that says to which tensors a total belongs."""
    return (
        f"{records.title}: {len(records.records)} tensors ({records.kind}) "
        f"over {records.tasks} tasks, from {records.source}"
    )


def _shared(each: Comparison) -> _Side:
    bound = ("lower bound (shared)", each.shared_bound_bytes)
    return _Side(each.records, each.shared, None, each.shared_optimum, bound, each.naive_bytes)


def _offset(each: Comparison) -> _Side:
    bound = ("lower bound (offset)", each.offset_bound_bytes)
    return _Side(
        each.records, each.offset, each.best_of, each.offset_optimum, bound, each.naive_bytes
    )


def _table(
    name: str, title: str, compared: Sequence[Comparison], side: Callable[[Comparison], _Side]
) -> Table:
    sides = [side(each) for each in compared]
    columns = [dict(_cells(each)) for each in sides]
    rows = tuple((label, *(column[label] for column in columns)) for label in columns[0])
    return Table(
        name=name,
        title=title,
        columns=(Column("strategy", "strategy"), *record_columns([s.records for s in sides])),
        rows=rows,
        notes=tuple(dict.fromkeys(note for each in sides for note in _notes(each))),
    )


def _cells(side: _Side) -> Iterator[tuple[str, TableValue]]:
    least = min(plan.total_bytes for plan in side.plans)
    for plan in side.plans:
        mark = _MARK if plan.total_bytes == least else ""
        yield plan.strategy, mebibytes(plan.total_bytes, mark + "{}")
    if side.best_of is not None:
        yield BEST_OF, mebibytes(side.best_of.total_bytes)
    yield "optimum", _optimum(side.optimum)
    label, bound_bytes = side.bound
    yield label, mebibytes(bound_bytes)
    yield "naive", mebibytes(side.naive_bytes)


def _optimum(optimum: Optimum) -> TableValue:
    """Return a figure only of what is proved."""
    total = optimum.plan.total_bytes
    if optimum.proof == "bound":
        return mebibytes(total, "{} = bound")
    if optimum.proof == "solver":
        return mebibytes(total, "{} proved by CP-SAT")
    return mebibytes(total, "not proved (best known {})").text


def _notes(side: _Side) -> Iterator[str]:
    yield described(side.records)
    yield _MARK_NOTE
    for plan in side.plans:
        if plan.note:
            yield f"{side.records.title}, {plan.strategy}: {plan.note}"
    if _reads_alike(side):
        yield f"{side.records.title}: what MiB do not tell apart, --json has in bytes"
    if not side.optimum.proved:
        yield f"{side.records.title}: no optimum is proved: {side.optimum.reason}"


def _reads_alike(side: _Side) -> bool:
    """Tell whether totals that differ, or one that is not 0, look the same with three decimals."""
    totals = {0, side.naive_bytes, side.bound[1], *(plan.total_bytes for plan in side.plans)}
    return len({mebibytes(total).text for total in totals}) < len(totals)
