"""Records as arrays in task order, which is how every strategy looks at them.

Time is kept twice: in tasks, and in *moments*, the distinct first tasks. Two closed intervals
overlap exactly if one of them begins inside the other, so moments keep every conflict, and
there are never more moments than records, however long the tasks' numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TensorArrays:
    """Records by first task, those of one task in the order they were given.

    `place[i]` is where tensor i stands in the record set; `begin` and `end` are the closed
    interval in moments, `began[i]` is how many tensors begin no later than tensor i ends.
    """

    place: Integers
    size: Integers
    first: Integers
    last: Integers
    begin: Integers
    end: Integers
    began: Integers
    moments: int

    def __len__(self) -> int:
        return len(self.place)


def arrays_of(records: RecordSet) -> TensorArrays:
    """Return the arrays of a record set."""
    first = np.array([record.first for record in records.records], np.int64)
    place = np.argsort(first, kind="stable")
    size = np.array([record.size_bytes for record in records.records], np.int64)[place]
    last = np.array([record.last for record in records.records], np.int64)[place]
    first = first[place]
    points = np.unique(first)
    return TensorArrays(
        place=place,
        size=size,
        first=first,
        last=last,
        begin=np.searchsorted(points, first),
        end=np.searchsorted(points, last, side="right") - 1,
        began=np.searchsorted(first, last, side="right"),
        moments=len(points),
    )


def by_size(tensors: TensorArrays) -> list[int]:
    """Return the tensors' indices by size, largest first; equal ones in task order."""
    order: list[int] = np.argsort(-tensors.size, kind="stable").tolist()
    return order


def by_breadth(tensors: TensorArrays) -> list[int]:
    """Return the tensors' indices in the order of the widest task that each lives through.

    Tasks come by breadth (equal ones: the earlier first), the tensors of a task by size.
    A task in which nothing begins only repeats tensors of an earlier and no narrower one.
    """
    rank = np.empty(tensors.moments, np.int64)
    rank[np.argsort(-breadths(tensors), kind="stable")] = np.arange(tensors.moments)
    lives = zip(tensors.begin.tolist(), tensors.end.tolist(), strict=True)
    visit = np.array([rank[begin : end + 1].min() for begin, end in lives], np.int64)
    order: list[int] = np.lexsort((-tensors.size, visit)).tolist()
    return order


def breadths(tensors: TensorArrays) -> Integers:
    """Return how many bytes live in each moment."""
    change = np.zeros(tensors.moments + 1, np.int64)
    np.add.at(change, tensors.begin, tensors.size)
    np.subtract.at(change, tensors.end + 1, tensors.size)
    sums: Integers = np.cumsum(change)[:-1]
    return sums


def shared_plan(
    strategy: str,
    tensors: TensorArrays,
    object_sizes: Sequence[int],
    assignment: Sequence[int] | Integers,
    note: str = "",
) -> SharedPlan:
    """Return a plan with its assignment (given in task order) in the record set's order."""
    ids = np.empty(len(tensors), np.int64)
    ids[tensors.place] = assignment
    sizes = tuple(int(size) for size in object_sizes)
    return SharedPlan(strategy, sizes, tuple(ids.tolist()), sum(sizes), note)


def offset_plan(strategy: str, tensors: TensorArrays, offsets: Sequence[int]) -> OffsetPlan:
    """Return a plan with its offsets (given in task order) in the record set's order."""
    placed = np.empty(len(tensors), np.int64)
    placed[tensors.place] = offsets
    ends = np.asarray(offsets, np.int64) + tensors.size
    total = int(ends.max(initial=0))
    return OffsetPlan(strategy, tuple(placed.tolist()), total)
