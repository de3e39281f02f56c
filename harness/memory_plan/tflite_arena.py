"""A `.tflite` graph as TFLite's arena sees it: what may share, what kernels need, what is kept.

Sources: the registrations' `inplace_operator` and the `Prepare` functions of LiteRT's kernels
(f674577). Operators whose kernels may need scratch memory that is not modelled are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias

from harness.graphs.tflite_reader import TfliteGraph
from harness.memory_plan.arena import ArenaGraph, ArenaNode, ArenaPlan, InPlace, plan_arena
from harness.memory_plan.kernel_scratch import Kernels, is_modelled, scratch_of
from harness.memory_plan.tflite_records import unpacked_constants

Arena: TypeAlias = Literal["tflite", "intermediates"]
ARENAS: tuple[Arena, ...] = ("tflite", "intermediates")

_EITHER, _FIRST = InPlace((0, 1)), InPlace((0,))
_SAME_BYTES = InPlace((0,), unchanged=True)
_IN_PLACE = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), _EITHER),
    **dict.fromkeys(("SOFTMAX", "DYNAMIC_UPDATE_SLICE"), _FIRST),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BITCAST"), _SAME_BYTES),
}


@dataclass(frozen=True, slots=True)
class PlannedArena:
    """The arena of one graph; `unmodelled` names operators whose scratch is not counted."""

    kernels: Kernels
    arena: Arena
    plan: ArenaPlan
    unmodelled: tuple[str, ...]


def planned_arena(
    graph: TfliteGraph, *, kernels: Kernels = "reference", arena: Arena = "tflite"
) -> PlannedArena:
    """Return the arena that TFLite plans for a graph without a delegate, on one thread.

    `arena="intermediates"` leaves out inputs, outputs and all sharing in place.
    """
    return PlannedArena(
        kernels,
        arena,
        plan_arena(_arena_graph(graph, arena, kernels), in_place=arena == "tflite"),
        tuple(sorted({op.code for op in graph.operators if not is_modelled(graph, op)})),
    )


def _arena_graph(graph: TfliteGraph, arena: Arena, kernels: Kernels) -> ArenaGraph:
    variables = tuple(tensor.index for tensor in graph.tensors if tensor.variable)
    kept = {*unpacked_constants(graph), *variables}
    ends = () if arena == "tflite" else (*graph.inputs, *graph.outputs)
    apart = {*kept, *ends, *(tensor.index for tensor in graph.tensors if tensor.constant)}
    sizes = {t.index: t.size_bytes for t in graph.tensors if t.index not in apart}
    persistent = {index: graph.tensors[index].size_bytes for index in kept}
    names = count(len(graph.tensors))
    nodes = []
    for operator in graph.operators:
        temporaries = dict(zip(names, scratch_of(graph, operator, kernels), strict=False))
        for name, scratch in temporaries.items():
            (persistent if scratch.persistent else sizes)[name] = scratch.size_bytes
        nodes.append(
            ArenaNode(
                operator.inputs,
                operator.outputs,
                tuple(temporaries),
                _IN_PLACE.get(operator.code),
            )
        )
    return ArenaGraph(tuple(nodes), graph.inputs, graph.outputs, sizes, persistent, variables)
