"""Shared objects for tensors in task order, taken back into a pool when their tensor is done.

`equality` and `greedy_in_order` (Lee et al. 2019, arXiv 1907.01989) as in LiteRT's
`equality_assignment.h` and `greedy_in_order_assignment.h`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heappop, heappush
from typing import Protocol

from harness.memory_plan.arrays import arrays_of, shared_plan
from harness.memory_plan.records import RecordSet, SharedPlan


class _Pool(Protocol):
    def put(self, size: int, number: int) -> None: ...

    def take(self, size: int) -> int | None: ...


class _SameSize:
    """Gives back only objects of exactly the size, the most recently freed first."""

    def __init__(self) -> None:
        self._free: dict[int, list[int]] = {}

    def put(self, size: int, number: int) -> None:
        self._free.setdefault(size, []).append(number)

    def take(self, size: int) -> int | None:
        free = self._free.get(size)
        return free.pop() if free else None


class _NearestSize:
    """Gives back the smallest object that is large enough, or a smaller one that is nearer."""

    def __init__(self) -> None:
        self._free: list[tuple[int, int]] = []

    def put(self, size: int, number: int) -> None:
        insort(self._free, (size, number))

    def take(self, size: int) -> int | None:
        if not self._free:
            return None
        at = bisect_left(self._free, (size, 0))
        over = self._free[at][0] - size if at < len(self._free) else None
        if at > 0 and (over is None or size - self._free[at - 1][0] < over):
            at -= 1
        return self._free.pop(at)[1]


def equality(records: RecordSet) -> SharedPlan:
    """Return the plan that reuses an object only for a tensor of the same size."""
    return _planned("equality", records, _SameSize())


def greedy_in_order(records: RecordSet) -> SharedPlan:
    """Return the plan that takes the free object of the nearest size, and lets it grow."""
    return _planned("greedy in order", records, _NearestSize())


def _planned(strategy: str, records: RecordSet, pool: _Pool) -> SharedPlan:
    tensors = arrays_of(records)
    sizes: list[int] = []
    assignment: list[int] = []
    in_use: list[tuple[int, int]] = []
    lives = (tensors.size.tolist(), tensors.first.tolist(), tensors.last.tolist())
    for size, first, last in zip(*lives, strict=True):
        while in_use and in_use[0][0] < first:
            _, freed = heappop(in_use)
            pool.put(sizes[freed], freed)
        number = pool.take(size)
        if number is None:
            number = len(sizes)
            sizes.append(size)
        sizes[number] = max(sizes[number], size)
        assignment.append(number)
        heappush(in_use, (last, number))
    return shared_plan(strategy, tensors, sizes, assignment)
