"""What a memory planner takes and gives: tensors with the tasks they live through, and plans.

A task is one operator in execution order. Sizes and offsets are bytes. Nothing here computes
more than what the values say by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One tensor: its bytes, and the closed interval of tasks in which it must exist.

    Two records conflict when each begins no later than the other ends: the task that makes a
    tensor and the last task that reads it both count.
    """

    name: str
    size_bytes: int
    first: int
    last: int

    def conflicts(self, other: UsageRecord) -> bool:
        """Return whether both must exist during one task."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class RecordSet:
    """The tensors that are planned together; every total belongs to one such set.

    `kind` says which tensors these are (`intermediates`, `arena`, `csv`, …), `source` where
    they were read, `tasks` how many tasks there are. Plans keep the order of `records`.
    """

    title: str
    source: str
    kind: str
    records: tuple[UsageRecord, ...]
    tasks: int


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """Tensors in shared objects: `assignment[i]` is the index of record i's object.

    `note` tells what a reader of the total must know, such as that a search was cut.
    """

    strategy: str
    object_sizes: tuple[int, ...]
    assignment: tuple[int, ...]
    total_bytes: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class OffsetPlan:
    """Tensors in one arena: `offsets[i]` is where record i begins, in bytes.

    The total is the highest end of a tensor, not rounded up to any alignment.
    """

    strategy: str
    offsets: tuple[int, ...]
    total_bytes: int
    note: str = ""
