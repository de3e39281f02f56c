"""Usage records of a `.tflite` graph's intermediate tensors, as the article plans them.

Not planned, and counted apart: inputs and outputs of the graph (an output that is also read
inside stays an output), constants, variables, and what DEQUANTIZE and DENSIFY make of constants,
which is made once and kept: a float16 file has one for every weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.graphs.description import Shape
from harness.graphs.tflite_reader import TfliteGraph, TfliteModel, TfliteTensor
from harness.memory_plan.records import RecordSet, UsageRecord

KIND = "intermediates"
_UNPACKING = frozenset({"DEQUANTIZE", "DENSIFY"})


@dataclass(frozen=True, slots=True)
class TensorRoles:
    """Which tensor of a graph is what, by index; a tensor that nothing uses has no role."""

    intermediates: tuple[int, ...]
    inputs_and_outputs: tuple[int, ...]
    unpacked_constants: tuple[int, ...]
    variables: tuple[int, ...]


def roles(graph: TfliteGraph) -> TensorRoles:
    """Return the roles of a graph's tensors, in the order in which they are written."""
    ends = dict.fromkeys((*graph.inputs, *graph.outputs))
    unpacked = tuple(unpacked_constants(graph))
    apart = {*ends, *unpacked}
    return TensorRoles(
        intermediates=tuple(
            index
            for operator in graph.operators
            for index in operator.outputs
            if index not in apart
        ),
        inputs_and_outputs=tuple(index for index in ends if not graph.tensors[index].constant),
        unpacked_constants=tuple(index for index in unpacked if index not in ends),
        variables=tuple(tensor.index for tensor in graph.tensors if tensor.variable),
    )


def unpacked_constants(graph: TfliteGraph) -> Iterator[int]:
    """Return the tensors that DEQUANTIZE and DENSIFY make of constants, or of such tensors."""
    constant = {tensor.index for tensor in graph.tensors if tensor.constant}
    for operator in graph.operators:
        if operator.code in _UNPACKING and set(operator.inputs) <= constant:
            constant.update(operator.outputs)
            yield from operator.outputs


def record_sets(model: TfliteModel) -> tuple[RecordSet, ...]:
    """Return a record set per graph; bodies of IF and WHILE have plans of their own."""
    return tuple(_record_set(model, graph) for graph in model.graphs)


def record_shapes(model: TfliteModel) -> tuple[tuple[Shape, ...], ...]:
    """Return the shapes that belong to `record_sets`, tensor by tensor."""
    return tuple(
        tuple(tensor.shape for tensor in _tensors(graph, roles(graph).intermediates))
        for graph in model.graphs
    )


def graph_title(model: TfliteModel, graph: TfliteGraph) -> str:
    """Return the name of a graph: the file's, and the graph's own where there are several."""
    if len(model.graphs) == 1:
        return model.path.stem
    return f"{model.path.stem}/{graph.name or graph.index}"


def _record_set(model: TfliteModel, graph: TfliteGraph) -> RecordSet:
    found = roles(graph)
    lives = intervals(graph)
    records = tuple(
        UsageRecord(tensor.label, tensor.size_bytes, *lives[tensor.index])
        for tensor in _tensors(graph, found.intermediates)
    )
    return RecordSet(
        title=graph_title(model, graph),
        source=f"{model.path}; {_apart(graph, found)}",
        kind=KIND,
        records=records,
        tasks=len(graph.operators),
    )


def intervals(graph: TfliteGraph) -> dict[int, tuple[int, int]]:
    """Return the first and last operator that needs each tensor that an operator writes."""
    lives: dict[int, tuple[int, int]] = {}
    for operator in graph.operators:
        for index in operator.outputs:
            lives[index] = (operator.index, operator.index)
        for index in operator.inputs:
            if index in lives:
                lives[index] = (lives[index][0], operator.index)
    return lives


def _apart(graph: TfliteGraph, found: TensorRoles) -> str:
    counted = (
        ("inputs and outputs", found.inputs_and_outputs),
        ("unpacked constants", found.unpacked_constants),
        ("variables", found.variables),
    )
    parts = [
        f"{len(indices)} {what} ({sum(t.size_bytes for t in _tensors(graph, indices))} bytes)"
        for what, indices in counted
        if indices
    ]
    return f"counted apart: {', '.join(parts)}" if parts else "nothing counted apart"


def _tensors(graph: TfliteGraph, indices: Iterable[int]) -> list[TfliteTensor]:
    return [graph.tensors[index] for index in indices]
