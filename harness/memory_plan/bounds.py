"""The least that any plan can take: one bound for shared objects, another for one arena.

Both are of arXiv 2001.03288. They are different numbers with different names: an arena may
reach the offset bound where shared objects cannot.
"""

from __future__ import annotations

import numpy as np

from harness.memory_plan.arrays import TensorArrays, arrays_of, breadths, by_size
from harness.memory_plan.records import RecordSet


def offset_bound(records: RecordSet) -> int:
    """Return the lower bound (offset): the most bytes that live during one task."""
    return int(breadths(arrays_of(records)).max(initial=0))


def shared_bound(records: RecordSet) -> int:
    """Return the lower bound (shared): the sum of the positional maximums, in bytes."""
    return sum(positional_maximums(arrays_of(records)))


def naive_bytes(records: RecordSet) -> int:
    """Return what it takes to give each tensor a place of its own, in bytes."""
    return sum(record.size_bytes for record in records.records)


def positional_maximums(tensors: TensorArrays) -> tuple[int, ...]:
    """Return, for each k, the largest k-th largest size among the tensors of one task.

    Tensors are added from the largest down; the one that first makes k of them live at once
    is the k-th maximum.
    """
    live = np.zeros(tensors.moments, np.int32)
    begin, end = tensors.begin.tolist(), tensors.end.tolist()
    maximums: list[int] = []
    for index in by_size(tensors):
        span = live[begin[index] : end[index] + 1]
        span += 1
        if span.max() > len(maximums):
            maximums.append(int(tensors.size[index]))
    return tuple(maximums)
