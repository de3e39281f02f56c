"""`edgebench memory`: how much memory tensors need, by every strategy of planning it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from harness import store
from harness.cli import memory_models, memory_results
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, SuiteError
from harness.graphs.description import Shape
from harness.graphs.tflite_reader import TfliteModel
from harness.memory_plan import minimalloc_csv
from harness.memory_plan.arena_table import arena_table
from harness.memory_plan.comparison import Comparison, compare
from harness.memory_plan.map_svg import map_svg
from harness.memory_plan.records import RecordSet
from harness.memory_plan.tables import memory_tables
from harness.memory_plan.tflite_records import record_sets, record_shapes
from harness.model import Table


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    shapes = memory_models.input_shapes(arguments.input_shape)
    models = [memory_models.load(path, shapes) for path in arguments.models]
    sets = [records for model in models for records in record_sets(model)]
    sets += [_csv_records(path) for path in arguments.records]
    if not sets:
        raise SuiteError(
            "nothing to plan", hint="name a .tflite file, or a CSV of tensors with --records"
        )
    if arguments.write_records:
        _write_records(sets, arguments.write_records)
    compared = [compare(records) for records in sets]
    if arguments.map:
        shapes_known = [each for model in models for each in record_shapes(model)]
        _write_map(compared, shapes_known, arguments.map)
    tables = memory_tables(compared)
    if models:
        tables.append(_arena(models, shapes, arguments))
    print_tables(tables, arguments.format)
    return EXIT_OK


def _arena(
    models: list[TfliteModel], shapes: Mapping[str, Shape], arguments: argparse.Namespace
) -> Table:
    measure = not arguments.no_interpreter
    rows = [
        row
        for model in models
        for row in memory_models.arena_rows(model, arguments.arena, shapes, measure=measure)
    ]
    for folder in store.find_folders(arguments.results):
        rows += memory_results.device_rows(models, store.read(folder))
    return arena_table(rows, arguments.arena)


def _write_map(compared: list[Comparison], shapes: list[tuple[Shape, ...]], path: Path) -> None:
    if len(compared) != 1:
        raise SuiteError(
            f"--map draws one record set, and {len(compared)} are planned",
            hint="name one model or one CSV",
        )
    least = min(compared[0].offset, key=lambda plan: plan.total_bytes)
    _write(path, map_svg(compared[0].records, least, shapes[0] if shapes else ()))


def _csv_records(path: Path) -> RecordSet:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the file's path"
        ) from error
    except UnicodeDecodeError as error:
        raise SuiteError(
            "this is not UTF-8 text", where=f"{path}:1", hint="save the CSV as UTF-8"
        ) from error
    return minimalloc_csv.parse(text, str(path), path.stem)


def _write_records(sets: list[RecordSet], path: Path) -> None:
    if len(sets) != 1:
        raise SuiteError(
            f"--write-records writes one record set, and {len(sets)} are planned",
            hint="name one model or one CSV",
        )
    _write(path, minimalloc_csv.written(sets[0]))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise SuiteError(
            f"cannot be written: {error.strerror}", where=str(path), hint="choose another path"
        ) from error
