"""Offsets in one arena: each tensor goes into the smallest gap that fits, in some order.

By size as in LiteRT's `greedy_by_size_assignment.cc`, by breadth as in arXiv 2001.03288, and in
task order. Equal tensors come in task order: older versions sorted them unstably.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from harness.memory_plan.arrays import TensorArrays, arrays_of, by_breadth, by_size, offset_plan
from harness.memory_plan.records import OffsetPlan, RecordSet


def naive(records: RecordSet) -> OffsetPlan:
    """Return the plan that lays all tensors one after the other."""
    tensors = arrays_of(records)
    ends = np.cumsum(tensors.size)
    return offset_plan("naive", tensors, (ends - tensors.size).tolist())


def greedy_by_size(records: RecordSet, alignment: int = 1) -> OffsetPlan:
    """Return the plan made from the largest tensor down; offsets are multiples of `alignment`."""
    tensors = arrays_of(records)
    return _planned("greedy by size", tensors, by_size(tensors), alignment)


def greedy_by_breadth(records: RecordSet) -> OffsetPlan:
    """Return the plan made from the widest task down."""
    tensors = arrays_of(records)
    return _planned("greedy by breadth", tensors, by_breadth(tensors))


def greedy_in_order(records: RecordSet) -> OffsetPlan:
    """Return the plan made in task order."""
    tensors = arrays_of(records)
    return _planned("greedy in order", tensors, range(len(tensors)))


def _planned(
    strategy: str, tensors: TensorArrays, order: Sequence[int], alignment: int = 1
) -> OffsetPlan:
    offsets = [0] * len(tensors)
    arena = _Arena(len(tensors))
    sizes = tensors.size.tolist()
    lives = list(zip(tensors.begin.tolist(), tensors.end.tolist(), strict=True))
    for index in order:
        begin, end = lives[index]
        offset = arena.best_gap(sizes[index], begin, end)
        arena.put(offset, -(-(offset + sizes[index]) // alignment) * alignment, begin, end)
        offsets[index] = offset
    return offset_plan(strategy, tensors, offsets)


class _Arena:
    """What is placed so far, by offset; equal offsets in the order of placing."""

    def __init__(self, capacity: int) -> None:
        self._offsets: list[int] = []
        # offset, rounded end; first and last moment: one copy moves all that stands behind.
        self._span = np.zeros((2, capacity), np.int64)
        self._life = np.zeros((2, capacity), np.int32)

    def best_gap(self, size: int, begin: int, end: int) -> int:
        """Return the offset of the smallest gap that fits (the lowest of equal ones)."""
        placed = len(self._offsets)
        life = self._life[:, :placed]
        rivals = np.flatnonzero((life[0] <= end) & (life[1] >= begin))
        if not rivals.size:
            return 0
        starts, ends = self._span[0][rivals], self._span[1][rivals]
        reached = np.maximum.accumulate(ends)
        floors = np.empty_like(reached)
        floors[0], floors[1:] = 0, reached[:-1]
        gaps = starts - floors
        fits = np.flatnonzero(gaps >= size)
        if not fits.size:
            return int(reached[-1])
        return int(floors[fits[gaps[fits].argmin()]])

    def put(self, offset: int, end: int, begin: int, last: int) -> None:
        at, placed = bisect_right(self._offsets, offset), len(self._offsets)
        self._offsets.insert(at, offset)
        for array, column in ((self._span, (offset, end)), (self._life, (begin, last))):
            array[:, at + 1 : placed + 1] = array[:, at:placed]
            array[:, at] = column
