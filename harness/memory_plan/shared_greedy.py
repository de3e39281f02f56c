"""Shared objects for tensors in an order of importance: by size, or by breadth of their tasks.

Both of arXiv 2001.03288; by breadth as in LiteRT's `greedy_by_breadth_assignment.cc`. By size
is the paper's first form: it is no longer in LiteRT, and ties are broken by task order here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.memory_plan.arrays import TensorArrays, arrays_of, by_breadth, by_size, shared_plan
from harness.memory_plan.occupancy import Occupancy
from harness.memory_plan.records import RecordSet, SharedPlan


def naive(records: RecordSet) -> SharedPlan:
    """Return the plan in which each tensor has an object of its own."""
    tensors = arrays_of(records)
    return shared_plan("naive", tensors, tensors.size.tolist(), range(len(tensors)))


def greedy_by_size(records: RecordSet) -> SharedPlan:
    """Return the plan made from the largest tensor down."""
    tensors = arrays_of(records)
    return _planned("greedy by size", tensors, by_size(tensors))


def greedy_by_breadth(records: RecordSet) -> SharedPlan:
    """Return the plan made from the widest task down."""
    tensors = arrays_of(records)
    return _planned("greedy by breadth", tensors, by_breadth(tensors))


def _planned(strategy: str, tensors: TensorArrays, order: Sequence[int]) -> SharedPlan:
    occupancy = Occupancy(tensors)
    sizes: list[int] = tensors.size.tolist()
    for index in order:
        occupancy.give(index, _best_object(occupancy, index, sizes[index]))
    return shared_plan(strategy, tensors, occupancy.sizes.tolist(), occupancy.owner)


def _best_object(occupancy: Occupancy, index: int, size: int) -> int | None:
    """Return the smallest free object that is large enough, else the largest, else None."""
    free = np.flatnonzero(occupancy.free(index))
    if not free.size:
        return None
    sizes = occupancy.sizes[free]
    enough = np.flatnonzero(sizes >= size)
    if enough.size:
        return int(free[enough[sizes[enough].argmin()]])
    return int(free[sizes.argmax()])
