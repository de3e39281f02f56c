"""The strategies in the order of the article's two tables, and the best of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate

from harness.memory_plan import offset_greedy, shared_greedy, shared_in_order
from harness.memory_plan.min_cost_flow import min_cost_flow
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan
from harness.memory_plan.shared_by_distance import greedy_by_size_improved
from harness.memory_plan.strip_packing import strip_packing_best_fit

SHARED: Mapping[str, Callable[[RecordSet], SharedPlan]] = {
    "greedy by size": shared_greedy.greedy_by_size,
    "greedy by size improved": greedy_by_size_improved,
    "greedy by breadth": shared_greedy.greedy_by_breadth,
    "greedy in order": shared_in_order.greedy_in_order,
    "min-cost flow": min_cost_flow,
    "equality": shared_in_order.equality,
    "naive": shared_greedy.naive,
}
"""Every strategy for shared objects by its name."""

OFFSET: Mapping[str, Callable[[RecordSet], OffsetPlan]] = {
    "greedy by size": offset_greedy.greedy_by_size,
    "greedy by breadth": offset_greedy.greedy_by_breadth,
    "greedy in order": offset_greedy.greedy_in_order,
    "strip packing best fit": strip_packing_best_fit,
    "naive": offset_greedy.naive,
}
"""Every strategy for offsets in one arena by its name."""


def objects_end_to_end(plan: SharedPlan) -> OffsetPlan:
    """Return shared objects laid one after the other, as LiteRT's `ObjectsToOffsets` does."""
    starts = [0, *accumulate(plan.object_sizes)]
    offsets = tuple(starts[number] for number in plan.assignment)
    return OffsetPlan(plan.strategy, offsets, plan.total_bytes, plan.note)
