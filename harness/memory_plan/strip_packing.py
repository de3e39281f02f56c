"""Offsets by strip packing, best fit: a skyline over time that is filled from its lowest line.

After Sekiyama et al. 2018 (arXiv 1804.10001), who adapt Burke et al. 2004 to tensors whose times
are fixed. Written from a description of it: the lowest line, of equal ones the leftmost, takes
the longest-lived tensor that fits inside it, of equal ones the largest; where none fits the
line is lifted to its lowest neighbour.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import heappop, heappush

import numpy as np

from harness.memory_plan.arrays import TensorArrays, arrays_of, offset_plan
from harness.memory_plan.records import OffsetPlan, RecordSet


def strip_packing_best_fit(records: RecordSet) -> OffsetPlan:
    """Return the plan that fills the lowest line with the longest-lived tensor."""
    tensors = arrays_of(records)
    offsets = [0] * len(tensors)
    sizes = tensors.size.tolist()
    lives = list(zip(tensors.first.tolist(), tensors.last.tolist(), strict=True))
    waiting = _Waiting(tensors)
    skyline = _Skyline(int(tensors.last.max(initial=0)))
    left = len(tensors)
    while left:
        height, begin, end = skyline.lowest()
        index = waiting.best_inside(begin, end)
        if index is None:
            skyline.lift(begin, height)
            continue
        waiting.remove(index)
        offsets[index] = height
        skyline.put(*lives[index], height + sizes[index], within=begin)
        left -= 1
    return offset_plan("strip packing best fit", tensors, offsets)


class _Waiting:
    """Tensors that are not placed yet."""

    def __init__(self, tensors: TensorArrays) -> None:
        self._firsts: list[int] = tensors.first.tolist()
        self._last = tensors.last
        self._worth = np.empty(len(tensors), np.int64)
        least_first = np.lexsort(
            (-np.arange(len(tensors)), tensors.size, tensors.last - tensors.first)
        )
        self._worth[least_first] = np.arange(1, len(tensors) + 1)

    def best_inside(self, first: int, last: int) -> int | None:
        """Return the tensor to put into a line of these tasks, or None if none fits inside."""
        low, high = bisect_left(self._firsts, first), bisect_right(self._firsts, last)
        worth = np.where(self._last[low:high] <= last, self._worth[low:high], 0)
        if not worth.size:
            return None
        best = int(worth.argmax())
        return low + best if worth[best] else None

    def remove(self, index: int) -> None:
        self._worth[index] = 0


class _Skyline:
    """Lines that cover all tasks side by side: first task → (last task, height)."""

    def __init__(self, last_task: int) -> None:
        self._lines: dict[int, tuple[int, int]] = {}
        self._ending: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self._add(0, last_task, 0)

    def lowest(self) -> tuple[int, int, int]:
        """Return height, first and last task of the lowest line, of equal ones the first."""
        while True:
            height, begin = self._heap[0]
            end, now = self._lines.get(begin, (0, -1))
            if now == height:
                return height, begin, end
            heappop(self._heap)

    def put(self, begin: int, end: int, height: int, *, within: int) -> None:
        """Raise a part of the line that begins at `within`."""
        whole_end, low = self._remove(within)
        if within < begin:
            self._add(within, begin - 1, low)
        if end < whole_end:
            self._add(end + 1, whole_end, low)
        self._add(begin, end, height)

    def lift(self, begin: int, height: int) -> None:
        """Raise a line to its lowest neighbour, or past all tensors if it has none."""
        end, _ = self._remove(begin)
        neighbours = [
            self._lines[at][1]
            for at in (self._ending.get(begin - 1), end + 1)
            if at is not None and at in self._lines
        ]
        self._add(begin, end, min(neighbours, default=height))

    def _remove(self, begin: int) -> tuple[int, int]:
        end, height = self._lines.pop(begin)
        del self._ending[end]
        return end, height

    def _add(self, begin: int, end: int, height: int) -> None:
        """Add a line, and make one line of it and its neighbours of the same height."""
        if (at := self._ending.get(begin - 1)) is not None and self._lines[at][1] == height:
            self._remove(at)
            begin = at
        if (after := self._lines.get(end + 1)) is not None and after[1] == height:
            self._remove(end + 1)
            end = after[0]
        self._lines[begin] = (end, height)
        self._ending[end] = begin
        heappush(self._heap, (height, begin))
