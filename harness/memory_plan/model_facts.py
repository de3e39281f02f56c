"""Planned memory of a model file as a result folder keeps it, for `plan_memory: true`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import SuiteError
from harness.graphs.tflite_reader import read_tflite
from harness.memory_plan import kept_tensors
from harness.memory_plan.bounds import naive_bytes
from harness.memory_plan.comparison import OFFSET_ROWS
from harness.memory_plan.kept_tensors import KeptTensors
from harness.memory_plan.strategies import OFFSET
from harness.memory_plan.tflite_arena import planned_arena
from harness.memory_plan.tflite_records import record_sets, record_shapes
from harness.model import Facts

ARENA, LEAST, NAIVE = "planned_arena_bytes", "planned_least_bytes", "planned_naive_bytes"
ABSENT = "planned_absent"


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """What a session keeps of one planned file; `tensors` is None where `facts` say why not."""

    facts: Facts
    tensors: bytes | None = None


def planned_model(path: Path | None) -> PlannedModel:
    """Return the bytes of TFLite's arena, and of the article's best and naive plan, or why not.

    The arena is that of the built-in kernels on one thread without a delegate. `path` is None
    where no target of the session runs a `.tflite` file of the model.
    """
    if path is None:
        return PlannedModel({ABSENT: "no target of this session runs its .tflite file"})
    try:
        model = read_tflite(path)
    except SuiteError as error:
        return PlannedModel({ABSENT: error.message})
    if len(model.graphs) != 1:
        reason = f"it has {len(model.graphs)} graphs, and each has an arena of its own"
        return PlannedModel({ABSENT: reason})
    (records,), (shapes,) = record_sets(model), record_shapes(model)
    facts: Facts = {
        ARENA: planned_arena(model.graphs[0], kernels="optimised").plan.total_bytes,
        LEAST: min(OFFSET[name](records).total_bytes for name in OFFSET_ROWS),
        NAIVE: naive_bytes(records),
    }
    return PlannedModel(facts, kept_tensors.to_bytes(KeptTensors(records, shapes)))
