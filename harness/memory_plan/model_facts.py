"""Planned memory of a model file as facts that a result folder keeps, for `plan_memory: true`."""

from __future__ import annotations

from pathlib import Path

from harness.errors import SuiteError
from harness.graphs.tflite_reader import read_tflite
from harness.memory_plan.bounds import naive_bytes
from harness.memory_plan.comparison import OFFSET_ROWS
from harness.memory_plan.strategies import OFFSET
from harness.memory_plan.tflite_arena import planned_arena
from harness.memory_plan.tflite_records import record_sets
from harness.model import Facts

ARENA, LEAST, NAIVE = "planned_arena_bytes", "planned_least_bytes", "planned_naive_bytes"
ABSENT = "planned_absent"


def planned_facts(path: Path) -> Facts:
    """Return the bytes of TFLite's arena, and of the article's best and naive plan, or why not.

    The arena is that of the built-in kernels on one thread without a delegate.
    """
    try:
        model = read_tflite(path)
    except SuiteError as error:
        return {ABSENT: error.message}
    if len(model.graphs) != 1:
        return {ABSENT: f"it has {len(model.graphs)} graphs, and each has an arena of its own"}
    (records,) = record_sets(model)
    return {
        ARENA: planned_arena(model.graphs[0], kernels="optimised").plan.total_bytes,
        LEAST: min(OFFSET[name](records).total_bytes for name in OFFSET_ROWS),
        NAIVE: naive_bytes(records),
    }
