"""Shared objects by a minimum-cost flow through a graph of which tensor may follow which.

As LiteRT's `min_cost_flow_assignment.cc`: each tensor takes a new object, at the cost of its
size, or that of a tensor which is done, at the cost of what the object would have to grow. The
cheapest flow is not the least memory (an object takes the largest of its whole chain), and which
of several cheapest flows is found decides the total; so paths are searched in LiteRT's order,
with queues in rounds. Costs are exact here, where LiteRT's are `int`.

The search is cut after a fixed amount of work, never by a clock: the same records give the same
plan on every machine.
"""

from __future__ import annotations

import numpy as np

from harness.memory_plan.arrays import Integers, TensorArrays, arrays_of, shared_plan
from harness.memory_plan.records import RecordSet, SharedPlan

MOST_WORK = 1_500_000_000
"""Where the search is cut, in edges looked at; a vertex counts as 1000 of them."""
_VERTEX_WORK = 1000
_UNREACHED = 2**62
_NONE = -1


def min_cost_flow(records: RecordSet, most_work: int = MOST_WORK) -> SharedPlan:
    """Return the plan of a cheapest flow; its note says so if the search was cut.

    Tensors that it had not reached by then have objects of their own.
    """
    tensors = arrays_of(records)
    flow = _Flow(tensors)
    served = flow.solve(most_work)
    count = len(tensors)
    note = (
        ""
        if served == count
        else f"the search was cut after a fixed amount of work: {count - served} of {count} "
        "tensors were not reached and have objects of their own"
    )
    assignment, sizes = flow.chains()
    return shared_plan("min-cost flow", tensors, sizes, assignment, note)


class _Flow:
    """The flow so far: `before[i]` is the tensor whose object tensor i takes, `after` the inverse.

    `served` are the tensors that have an object, `new` those of them that have a new one.
    """

    def __init__(self, tensors: TensorArrays) -> None:
        self.size = tensors.size
        self.sizes: list[int] = tensors.size.tolist()
        self.began: list[int] = tensors.began.tolist()
        self.count = len(tensors)
        self.before = [_NONE] * self.count
        self.after = [_NONE] * self.count
        self.served = [False] * self.count
        self.new = [False] * self.count

    def solve(self, most_work: int) -> int:
        """Serve one tensor more by each cheapest path; return how many were served."""
        work = 0
        for served in range(self.count):
            search = _Search(self)
            if not search.reaches_the_sink(most_work - work):
                return served
            work += search.work
            self._follow(search)
        return self.count

    def chains(self) -> tuple[list[int], list[int]]:
        """Return each tensor's object, and the objects' sizes."""
        assignment = [0] * self.count
        sizes: list[int] = []
        for first in range(self.count):
            if self.before[first] != _NONE:
                continue
            size, index = 0, first
            while index != _NONE:
                assignment[index] = len(sizes)
                size = max(size, self.sizes[index])
                index = self.after[index]
            sizes.append(size)
        return assignment, sizes

    def _follow(self, search: _Search) -> None:
        """Change the flow along the path that was found, from the sink back to the source."""
        taker = int(search.came_from[search.sink])
        self.served[taker - self.count] = True
        while taker != _NONE:
            index, giver = taker - self.count, int(search.came_from[taker])
            self.before[index] = giver
            if giver == _NONE:
                self.new[index] = True
                return
            self.after[giver] = index
            taker = int(search.came_from[giver])


class _Search:
    """One search for the cheapest path from source to sink over what the flow leaves open.

    A tensor is two vertices: i as the giver of its object, `count + i` as a taker of one; the
    sink comes last. `came_from` is `_NONE` where a vertex is reached from the source itself.
    """

    def __init__(self, flow: _Flow) -> None:
        self._flow = flow
        self._count = count = flow.count
        self.sink = 2 * count
        self.work = 0
        self.came_from = np.full(2 * count + 1, _NONE, np.int64)
        self._cost: Integers = np.full(2 * count + 1, _UNREACHED, np.int64)
        self._queued_in = np.zeros(2 * count + 1, np.int64)
        self._round = 0
        self._next: list[int] = []

    def reaches_the_sink(self, most_work: int) -> bool:
        """Search in rounds until nothing gets cheaper; return False if that is too much work."""
        self._leave_source()
        while self._next:
            queue, self._next = self._next, []
            self._round += 1
            for vertex in queue:
                self.work += _VERTEX_WORK
                if vertex < self._count:
                    self._leave_giver(vertex)
                elif vertex < self.sink:
                    self._leave_taker(vertex)
                else:
                    self._leave_sink()
                if self.work > most_work:
                    return False
        return True

    def _leave_source(self) -> None:
        for index, size in enumerate(self._flow.sizes):
            if self._flow.after[index] == _NONE:
                self._cheaper(index, 0, _NONE)
            if not self._flow.new[index]:
                self._cheaper(index + self._count, size, _NONE)

    def _leave_giver(self, giver: int) -> None:
        """Offer an object to all tensors that begin when this one is done."""
        later = self._flow.began[giver]
        self.work += self._count - later
        growth = np.maximum(self._flow.size[later:] - self._flow.sizes[giver], 0)
        cost = self._cost[giver] + growth
        cheaper = cost < self._cost[self._count + later : self.sink]
        follower = self._flow.after[giver]
        if follower != _NONE:
            cheaper[follower - later] = False
        hits = np.flatnonzero(cheaper)
        takers = hits + (self._count + later)
        self._cost[takers] = cost[hits]
        self.came_from[takers] = giver
        fresh = takers[self._queued_in[takers] != self._round]
        self._queued_in[fresh] = self._round
        self._next.extend(fresh.tolist())

    def _leave_taker(self, taker: int) -> None:
        """Go on to the sink, or take back the object that this tensor has."""
        index, cost = taker - self._count, int(self._cost[taker])
        if not self._flow.served[index]:
            self._cheaper(self.sink, cost, taker)
        giver = self._flow.before[index]
        if giver != _NONE:
            growth = max(0, self._flow.sizes[index] - self._flow.sizes[giver])
            self._cheaper(giver, cost - growth, taker)

    def _leave_sink(self) -> None:
        """No cheapest path comes back from the sink, but it decides the order of the queue."""
        self.work += self._count
        cost = int(self._cost[self.sink])
        for index, served in enumerate(self._flow.served):
            if served:
                self._cheaper(index + self._count, cost, self.sink)

    def _cheaper(self, vertex: int, cost: int, came_from: int) -> None:
        if cost >= self._cost[vertex]:
            return
        self._cost[vertex] = cost
        self.came_from[vertex] = came_from
        if self._queued_in[vertex] != self._round or self._round == 0:
            self._queued_in[vertex] = self._round
            self._next.append(vertex)
