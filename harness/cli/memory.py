"""`edgebench memory`: how much memory tensors need, by every strategy of planning it."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, SuiteError
from harness.memory_plan import minimalloc_csv
from harness.memory_plan.comparison import compare
from harness.memory_plan.records import RecordSet
from harness.memory_plan.tables import memory_tables


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    sets = [_csv_records(path) for path in arguments.records]
    if not sets:
        raise SuiteError("nothing to plan", hint="name a CSV of tensors with --records")
    if arguments.write_records:
        _write_records(sets, arguments.write_records)
    print_tables(memory_tables([compare(records) for records in sets]), arguments.format)
    return EXIT_OK


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
    try:
        path.write_text(minimalloc_csv.written(sets[0]), encoding="utf-8", newline="")
    except OSError as error:
        raise SuiteError(
            f"cannot be written: {error.strerror}", where=str(path), hint="choose another path"
        ) from error
