"""Models for `edgebench memory`: files to plans, with input shapes and this host's interpreter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import RunError, SuiteError, TargetUnfit
from harness.graphs.description import Shape
from harness.graphs.tflite_reader import TfliteGraph, TfliteModel, read_tflite
from harness.memory_plan.arena_table import ArenaRow, disagreement, planned_row
from harness.memory_plan.kernel_scratch import KERNELS
from harness.memory_plan.tflite_arena import Arena, planned_arena
from harness.memory_plan.tflite_records import graph_title, unpacked_constants
from harness.transports import litert, litert_arena
from harness.transports.litert_arena import AllocatedModel, LiteRTKernels

_INTERPRETERS: tuple[tuple[LiteRTKernels, str, str], ...] = (
    ("reference", "reference", "none"),
    ("optimised", "built-in", "none"),
    ("xnnpack", "built-in", "XNNPACK"),
)


def input_shapes(texts: Sequence[str]) -> dict[str, Shape]:
    """Return name → shape of `NAME=1,224,224,3`.

    Raises:
        SuiteError: one of them is not of this form.
    """
    shapes: dict[str, Shape] = {}
    for text in texts:
        name, equals, sizes = text.rpartition("=")
        parts = sizes.split(",")
        if not (equals and name and all(part.strip().isdecimal() for part in parts)):
            raise SuiteError(
                f"--input-shape {text!r} is not understood",
                hint="write the input's name and all its sizes: --input-shape input=1,224,224,3",
            )
        shapes[name] = tuple(int(part) for part in parts)
    return shapes


def load(path: Path, shapes: Mapping[str, Shape]) -> TfliteModel:
    """Read a model, with inputs of these shapes where LiteRT can work out all the others.

    Raises:
        SuiteError: the file is damaged, leaves a shape open, or does not take the shapes.
        TargetUnfit: shapes are given, and LiteRT is not installed.
    """
    if not shapes:
        return read_tflite(path)
    try:
        allocated = litert_arena.allocate(path, "reference", shapes)
    except RunError as error:
        raise SuiteError(error.message, where=str(path), hint=error.hint) from error
    # A tensor that is nowhere yet has a size that only a run tells: the file's word stands.
    known = {t.index: t.shape for t in allocated.tensors if t.address is not None}
    return read_tflite(path, known)


def arena_rows(
    model: TfliteModel, arena: Arena, shapes: Mapping[str, Shape], *, measure: bool
) -> Iterator[ArenaRow]:
    """Return the planned rows of each graph, and beside the first one what LiteRT takes here."""
    for graph in model.graphs:
        title = graph_title(model, graph)
        planned: dict[str, ArenaRow] = {
            kernels: planned_row(title, planned_arena(graph, kernels=kernels, arena=arena))
            for kernels in KERNELS
        }
        yield from planned.values()
        if measure and graph.index == 0:
            for kernels, row in _measured(model, graph, title, shapes):
                differs = ""
                if arena == "tflite" and kernels in planned and row.arena_bytes is not None:
                    differs = disagreement(planned[kernels], row)
                yield replace(row, note=row.note or differs)


def _measured(
    model: TfliteModel, graph: TfliteGraph, title: str, shapes: Mapping[str, Shape]
) -> Iterator[tuple[LiteRTKernels, ArenaRow]]:
    source = f"LiteRT {litert.version()}, this host"
    for kernels, name, delegate in _INTERPRETERS:
        try:
            allocated = litert_arena.allocate(model.path, kernels, shapes)
        except TargetUnfit as error:
            yield kernels, ArenaRow(title, "LiteRT", name, delegate, note=_no_figure(error))
            return
        except RunError as error:
            note = f"{title}, {name} kernels, delegate {delegate}: {error.message}"
            yield kernels, ArenaRow(title, source, name, delegate, note=note)
            continue
        yield kernels, ArenaRow(title, source, name, delegate, measured_bytes(graph, allocated))


def measured_bytes(graph: TfliteGraph, allocated: AllocatedModel) -> int:
    """Return the bytes of the arena that an interpreter has for a graph."""
    beside = {tensor.index for tensor in graph.tensors if tensor.constant or tensor.variable}
    beside.update(unpacked_constants(graph))
    return litert_arena.arena_bytes(allocated, len(graph.tensors), beside)


def _no_figure(error: TargetUnfit) -> str:
    return f"no interpreter is measured: {error.message}; {error.hint}"
