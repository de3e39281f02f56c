"""`edgebench models`: what can be generated, how large it is, and its options; draws no weights."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, PluginError, SuiteError
from harness.graphs.description import Graph
from harness.graphs.written_files import weight_bytes, why_not_written
from harness.model import Column, Figure, Table, TableValue
from harness.options import Options
from harness.outputs import PRECISIONS
from harness.plugins import build_network, network_options, registry
from harness.report.numbers import significant
from harness.suite.document import scalar_value

_SEED = 7  # of a suite that names none; nothing that is counted depends on it

_COUNTED = (
    "parameters: as published, batch norm not folded; multiply-adds: of layers and matrix products "
    "in one inference, without biases."
)
_SIZED = (
    "fp32, fp16, dynamic, int8: the weights of each file; its graph comes on top. All are written "
    "as .tflite, fp32 also for TF.js and as ONNX."
)


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code.

    Raises:
        PluginError: there is no such network.
        SuiteError: the network does not take these options.
    """
    given = _settings(arguments.settings)
    names = [arguments.network] if arguments.network else registry("models").names
    notes: list[str] = []
    rows: list[tuple[TableValue, ...]] = []
    options: list[tuple[TableValue, ...]] = []
    for name in names:
        try:
            graph = _described(name, given)
        except PluginError as error:
            if arguments.network:
                raise
            notes.append(f"{name}: {error}")
            continue
        rows.append(_row(name, graph))
        notes += _absences(name, graph)
        options += _options(name)
    print_tables([_sizes(rows, notes), _described_options(options)], arguments.format)
    return EXIT_OK


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SuiteError(f"{text!r} is not understood", hint="write options as KEY=VALUE")
        settings[key] = scalar_value(value)
    return settings


def _described(name: str, settings: Mapping[str, Any]) -> Graph:
    network = registry("models").get(name)
    try:
        options = network_options(network).model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SuiteError(
            f"{name}: {where + ': ' if where else ''}{first['msg']}",
            hint=f"`edgebench models {name}` lists its options",
        ) from error
    graph: Graph = build_network(network, _SEED, options)
    return graph


def _row(name: str, graph: Graph) -> tuple[TableValue, ...]:
    parameters, macs = graph.parameter_count, graph.multiply_accumulates
    sizes: list[TableValue] = []
    for precision in PRECISIONS:
        size = weight_bytes(graph, precision)
        shown = Figure(size / 1e6, significant(size / 1e6), exact_bytes=size)
        sizes.append(None if why_not_written(graph, "tflite", precision) else shown)
    return (
        name,
        _inputs(graph),
        Figure(parameters, f"{parameters:,}"),
        Figure(macs / 1e6, significant(macs / 1e6)),
        *sizes,
        registry("models").origins[name],
    )


def _inputs(graph: Graph) -> str:
    return ", ".join(
        f"{name} {'×'.join(map(str, shape))}{' ids' if name in graph.ids else ''}"
        for name, shape in graph.inputs.items()
    )


def _absences(name: str, graph: Graph) -> Iterator[str]:
    for precision in PRECISIONS:
        if why := why_not_written(graph, "tflite", precision):
            yield f"{name} has no {precision} file: {why}."


def _options(name: str) -> Iterator[tuple[TableValue, ...]]:
    options: type[Options] = network_options(registry("models").get(name))
    for key, field in options.model_fields.items():
        default = field.default
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        yield (name, key, shown, field.description or "")


def _sizes(rows: Sequence[tuple[TableValue, ...]], notes: Sequence[str]) -> Table:
    return Table(
        name="models",
        title="Models: what `generate:` builds",
        columns=(
            Column("name", "name"),
            Column("inputs", "inputs"),
            Column("parameters", "parameters", align="right"),
            Column("macs", "multiply-adds", "M", align="right"),
            *(Column(f"{name}_size", name, "MB", align="right") for name in PRECISIONS),
            Column("from", "from"),
        ),
        rows=tuple(rows),
        notes=(_COUNTED, _SIZED, *notes),
    )


def _described_options(rows: Sequence[tuple[TableValue, ...]]) -> Table:
    return Table(
        name="options",
        title="Options: `generate: {network: NAME, OPTION: …}`",
        columns=(
            Column("name", "name"),
            Column("option", "option"),
            Column("default", "default"),
            Column("meaning", "meaning"),
        ),
        rows=tuple(rows),
    )
