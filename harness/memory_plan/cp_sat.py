"""The one door to OR-tools: its exact solver CP-SAT, which is an optional extra.

One worker, a fixed seed and a bound in the solver's own deterministic time: the same records give
the same answer. Without OR-tools nothing is proved here, and `available` says so.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np

from harness.memory_plan.arrays import (
    TensorArrays,
    arrays_of,
    by_size,
    offset_plan,
    shared_plan,
)
from harness.memory_plan.bounds import offset_bound, positional_maximums, shared_bound
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan

NAME = "CP-SAT"
SECONDS = 20.0
"""Deterministic seconds for one record set; real ones are about as many."""
_MOST_REAL_SECONDS = 120.0
_MOST_PAIRS = 60_000


def available() -> bool:
    """Return whether OR-tools is installed."""
    return find_spec("ortools") is not None


def best_shared(records: RecordSet, known: SharedPlan) -> tuple[SharedPlan, bool] | None:
    """Return the best plan found, and whether none can be better; None if it is too large.

    An object is named after its largest tensor, so that no two models mean the same plan: tensor
    j is in the object of i, or not. The k-th largest object is at least the k-th positional
    maximum.
    """
    tensors = arrays_of(records)
    if len(tensors) ** 2 > 2 * _MOST_PAIRS:
        return None
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    joins = _joins(model, tensors)
    leaders = [joins[index, index] for index in range(len(tensors))]
    for index in range(len(tensors)):
        model.add_exactly_one(x for (_, member), x in joins.items() if member == index)
    for live in _widest_moments(tensors):
        for leader, leads in enumerate(leaders):
            members = [joins[leader, m] for m in live if (leader, m) in joins and m != leader]
            if members:
                model.add(sum(members) <= leads)
    unit = _unit(tensors)
    sizes: list[int] = tensors.size.tolist()
    for number, maximum in enumerate(positional_maximums(tensors), start=1):
        model.add(sum(x for i, x in enumerate(leaders) if sizes[i] >= maximum) >= number)
    total = sum(x * (size // unit) for x, size in zip(leaders, sizes, strict=True))
    model.add(total >= shared_bound(records) // unit)
    model.add(total <= known.total_bytes // unit)
    model.minimize(total)
    _hint(model, joins, tensors, known)
    solver, proved = _solved(model)
    if solver is None:
        return known, proved
    return _shared(tensors, [pair for pair, x in joins.items() if solver.boolean_value(x)]), proved


def best_offsets(records: RecordSet, known: OffsetPlan) -> tuple[OffsetPlan, bool] | None:
    """Return the best plan found, and whether none can be better; None if it is too large.

    Rectangles of fixed times and free offsets that must not overlap.
    """
    tensors = arrays_of(records)
    if len(tensors) ** 2 > 2 * _MOST_PAIRS:
        return None
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    unit = _unit(tensors)
    most = known.total_bytes // unit
    total = model.new_int_var(offset_bound(records) // unit, most, "total")
    lives, spans, starts, heights = [], [], [], []
    for index, size in enumerate(size // unit for size in tensors.size.tolist()):
        start = model.new_int_var(0, most - size, f"offset {index}")
        starts.append(start)
        begin, end = int(tensors.begin[index]), int(tensors.end[index])
        model.add(start + size <= total)
        model.add_hint(start, known.offsets[int(tensors.place[index])] // unit)
        if size:
            lives.append(model.new_fixed_size_interval_var(begin, end + 1 - begin, f"life {index}"))
            spans.append(model.new_fixed_size_interval_var(start, size, f"span {index}"))
            heights.append(size)
    model.add_no_overlap_2d(lives, spans)
    model.add_cumulative(lives, heights, total)
    model.minimize(total)
    solver, proved = _solved(model)
    if solver is None:
        return known, proved
    offsets = [int(solver.value(start)) * unit for start in starts]
    return offset_plan(NAME, tensors, offsets), proved


def _joins(model: Any, tensors: TensorArrays) -> dict[tuple[int, int], Any]:
    """Return (leader, member) → variable; a leader comes no later than its members by size."""
    order = by_size(tensors)
    begin, end = tensors.begin, tensors.end
    return {
        (leader, member): model.new_bool_var(f"{member} in {leader}")
        for rank, leader in enumerate(order)
        for member in order[rank:]
        if member == leader or begin[leader] > end[member] or begin[member] > end[leader]
    }


def _widest_moments(tensors: TensorArrays) -> list[list[int]]:
    """Return the tensors of each moment, but for moments that the next one repeats."""
    moments = [
        np.flatnonzero((tensors.begin <= moment) & (tensors.end >= moment)).tolist()
        for moment in range(tensors.moments)
    ]
    return [live for live, after in pairwise([*moments, []]) if not set(live) <= set(after)]


def _unit(tensors: TensorArrays) -> int:
    """Return the largest number of bytes of which every size is a multiple."""
    return gcd(*tensors.size.tolist()) or 1


def _hint(
    model: Any, joins: dict[tuple[int, int], Any], tensors: TensorArrays, known: SharedPlan
) -> None:
    leaders: dict[int, int] = {}
    chosen = set()
    for index in by_size(tensors):
        number = known.assignment[int(tensors.place[index])]
        chosen.add((leaders.setdefault(number, index), index))
    for pair, variable in joins.items():
        model.add_hint(variable, int(pair in chosen))


def _solved(model: Any) -> tuple[Any | None, bool]:
    """Return the solver if it has a plan, and whether it proved that none is better."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = SECONDS
    # Only a machine that is very slow reaches this; "not proved" is then still true.
    solver.parameters.max_time_in_seconds = _MOST_REAL_SECONDS
    status = solver.status_name(solver.solve(model))
    return (solver if status in {"OPTIMAL", "FEASIBLE"} else None), status == "OPTIMAL"


def _shared(tensors: TensorArrays, chosen: list[tuple[int, int]]) -> SharedPlan:
    numbers: dict[int, int] = {}
    assignment = [0] * len(tensors)
    for leader, member in sorted(chosen):
        assignment[member] = numbers.setdefault(leader, len(numbers))
    sizes = [int(tensors.size[leader]) for leader in numbers]
    return shared_plan(NAME, tensors, sizes, assignment)
