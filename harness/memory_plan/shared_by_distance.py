"""Shared objects by size and distance: the paper's "greedy by size improved".

As LiteRT's GREEDY_BY_SIZE for shared objects (`GreedyBySizeDistPriorityAssignment`): tensors come
by position (the last positional maximum that is at least their size), then by the least gap of
tasks to an object that they may join, then by size. The nearest object is joined, of equally
near ones the first; where none may be joined a new one is made. (LiteRT keeps the one of them
that became near first: other ids, sometimes.)

An object that is closed to a tensor stays closed. So the tensors of a position first go into the
objects that are there, and once none of them can, only the newest object is open to the others.
In the first part a gap is looked for exactly only when its tensor is about to be chosen: what is
kept is a lower bound. Each placing makes gaps smaller at once; that it also closes objects is
found out later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from harness.memory_plan.arrays import Integers, TensorArrays, arrays_of, by_size, shared_plan
from harness.memory_plan.bounds import positional_maximums
from harness.memory_plan.occupancy import NO_OBJECT, Occupancy
from harness.memory_plan.records import RecordSet, SharedPlan

FAR = 2**40
"""A gap of so many tasks: no object may be joined."""
_CLOSED = 2**62
_CHUNK = 512


def greedy_by_size_improved(records: RecordSet) -> SharedPlan:
    """Return the plan that joins near tensors, position by position."""
    tensors = arrays_of(records)
    state = _Distances(tensors)
    maximums = np.array(positional_maximums(tensors), np.int64)
    position = np.searchsorted(-maximums, -tensors.size, side="right")
    for number in np.unique(position):
        state.place_all(np.flatnonzero(position == number))
    sizes = state.occupancy.sizes.tolist()
    return shared_plan("greedy by size improved", tensors, sizes, state.occupancy.owner)


class _Distances:
    """How near each tensor is to an object it may join, while objects fill."""

    def __init__(self, tensors: TensorArrays) -> None:
        count = len(tensors)
        self.occupancy = Occupancy(tensors)
        self._count = count
        rank = np.empty(count, np.int64)
        rank[by_size(tensors)] = np.arange(count)
        # A tensor's urgency is gap * count + rank: less is sooner, and no two are equal.
        self._rank = rank
        self._urgency = FAR * count + rank
        self._from_left = tensors.first * count + rank
        self._from_right = rank - tensors.last * count
        self._first, self._last = tensors.first, tensors.last
        self._firsts: list[int] = tensors.first.tolist()
        self._lasts: list[int] = tensors.last.tolist()
        self._by_last = np.argsort(tensors.last, kind="stable")
        self._sorted_lasts: list[int] = tensors.last[self._by_last].tolist()
        self._place_by_last = np.empty(count, np.int64)
        self._place_by_last[self._by_last] = np.arange(count)
        self._owner_by_last = np.full(count, NO_OBJECT, np.int64)
        self._schedules: list[list[tuple[int, int]]] = []

    def place_all(self, group: Integers) -> None:
        """Place the tensors of one position: into objects that are there, then into new ones."""
        left = self._place_into_old_objects(group)
        while left.size:
            left = self._fill_new_object(left)

    def _place_into_old_objects(self, group: Integers) -> Integers:
        """Return the tensors that may join none of the objects."""
        left = len(group)
        while left:
            chosen = int(self._urgency[group[:left]].argmin())
            index = int(group[chosen])
            gap, number = self._nearest(index, int(self._urgency[index]) // self._count)
            urgency = gap * self._count + int(self._rank[index])
            if urgency > self._urgency[index]:
                self._urgency[index] = urgency
                continue
            if number is None:
                break
            self._place(index, number)
            left -= 1
            group[chosen] = group[left]
        return group[:left]

    def _fill_new_object(self, group: Integers) -> Integers:
        """Return the tensors that the object, once it is full, leaves over.

        No tensor of the group may join an older object, so its gaps to this one are exact.
        """
        number = self.occupancy.objects
        first, last, rank = self._first[group], self._last[group], self._rank[group]
        urgency = FAR * self._count + rank
        is_left = np.ones(len(group), np.bool_)
        chosen = int(urgency.argmin())
        while urgency[chosen] < _CLOSED:
            self._place(int(group[chosen]), number)
            is_left[chosen] = False
            gap = np.maximum(first - last[chosen], first[chosen] - last)
            urgency = np.minimum(urgency, gap * self._count + rank)
            rank[gap <= 0] = _CLOSED
            urgency[rank == _CLOSED] = _CLOSED
            chosen = int(urgency.argmin())
        return group[is_left]

    def _nearest(self, index: int, least: int) -> tuple[int, int | None]:
        """Return the gap to the nearest object that may be joined, and the first such object."""
        if least >= FAR:
            return FAR, None
        first, last = self._firsts[index], self._lasts[index]
        free = self.occupancy.free(index)
        after = _first_free(self.occupancy.owner, free, bisect_left(self._firsts, last + least))
        before = self._count - _first_free(
            self._owner_by_last[::-1],
            free,
            self._count - bisect_right(self._sorted_lasts, first - least),
        )
        gap = FAR
        if after < self._count:
            gap = self._firsts[after] - last
        if before > 0:
            gap = min(gap, first - self._sorted_lasts[before - 1])
        if gap == FAR:
            return FAR, None
        return gap, self._first_object(free, last + gap, first - gap)

    def _first_object(self, free: np.ndarray, first: int, last: int) -> int:
        """Return the lowest free object with a tensor that begins or ends just there."""
        begins = slice(bisect_left(self._firsts, first), bisect_right(self._firsts, first))
        ends = slice(bisect_left(self._sorted_lasts, last), bisect_right(self._sorted_lasts, last))
        owners = np.concatenate((self.occupancy.owner[begins], self._owner_by_last[ends]))
        return int(owners[free[owners]].min())

    def _place(self, index: int, number: int) -> None:
        self.occupancy.give(index, None if number == self.occupancy.objects else number)
        self._owner_by_last[self._place_by_last[index]] = number
        if number == len(self._schedules):
            self._schedules.append([])
        schedule = self._schedules[number]
        life = (self._firsts[index], self._lasts[index])
        at = bisect_left(schedule, life)
        before = schedule[at - 1][1] if at else -1
        after = schedule[at][0] if at < len(schedule) else FAR
        schedule.insert(at, life)
        self._bring_nearer(before, *life, after)

    def _bring_nearer(self, before: int, first: int, last: int, after: int) -> None:
        """Lower the gaps of tensors that fit between this tensor and its object's next ones."""
        right = slice(bisect_right(self._firsts, last), bisect_left(self._firsts, after))
        left = slice(bisect_right(self._firsts, before), bisect_left(self._firsts, first))
        urgency = self._from_left[right] - last * self._count
        _lower(self._urgency[right], urgency, self._last[right] < after)
        urgency = self._from_right[left] + first * self._count
        _lower(self._urgency[left], urgency, self._last[left] < first)


def _lower(values: Integers, to: Integers, where: np.ndarray) -> None:
    np.minimum(values, to, out=values, where=where)


def _first_free(owners: Integers, free: np.ndarray, start: int) -> int:
    """Return where the first tensor in a free object stands from `start` on, else the length."""
    chunk = _CHUNK
    while start < len(owners):
        hits = np.flatnonzero(free[owners[start : start + chunk]])
        if hits.size:
            return start + int(hits[0])
        start += chunk
        chunk *= 4
    return len(owners)
