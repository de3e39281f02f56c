"""All strategies on one record set, beside their bounds and the optimum."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.memory_plan.bounds import naive_bytes, offset_bound, shared_bound
from harness.memory_plan.optimum import Optimum, offset_optimum, shared_optimum
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan
from harness.memory_plan.strategies import OFFSET, SHARED

SHARED_ROWS = (
    "greedy by size",
    "greedy by size improved",
    "greedy by breadth",
    "greedy in order",
    "min-cost flow",
)
OFFSET_ROWS = (
    "greedy by size",
    "greedy by breadth",
    "greedy in order",
    "strip packing best fit",
)
BEST_OF = "best of"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The plans of one record set in the article's order; `best_of` is the best offset plan."""

    records: RecordSet
    naive_bytes: int
    shared: tuple[SharedPlan, ...]
    shared_bound_bytes: int
    shared_optimum: Optimum
    offset: tuple[OffsetPlan, ...]
    best_of: OffsetPlan
    offset_bound_bytes: int
    offset_optimum: Optimum


def compare(records: RecordSet) -> Comparison:
    """Plan a record set by every strategy of the two tables."""
    shared = tuple(SHARED[name](records) for name in SHARED_ROWS)
    offset = tuple(OFFSET[name](records) for name in OFFSET_ROWS)
    least_shared = min(shared, key=lambda plan: plan.total_bytes)
    least_offset = min(offset, key=lambda plan: plan.total_bytes)
    bound_shared, bound_offset = shared_bound(records), offset_bound(records)
    return Comparison(
        records=records,
        naive_bytes=naive_bytes(records),
        shared=shared,
        shared_bound_bytes=bound_shared,
        shared_optimum=shared_optimum(records, least_shared, bound_shared),
        offset=offset,
        best_of=replace(least_offset, strategy=BEST_OF),
        offset_bound_bytes=bound_offset,
        offset_optimum=offset_optimum(records, least_offset, bound_offset),
    )
