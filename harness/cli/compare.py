"""`edgebench compare A B`: result folders, or parts of them, against the first."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness import plan, store
from harness.cli.collecting import without_collecting
from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK, SuiteError
from harness.report.comparison.comment import comment
from harness.report.comparison.operands import Operand, operand
from harness.report.comparison.tables import compare
from harness.report.summary import summarise


@without_collecting()
def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 1 if a cell became slower."""
    made = compare(_operands(arguments.sides), arguments.factor, family_wise=arguments.family_wise)
    if arguments.comment:
        sys.stdout.write(comment(made))
    else:
        print_tables(made.tables, arguments.format)
    return EXIT_FINDINGS if made.slower else EXIT_OK


def _operands(texts: list[str]) -> list[Operand]:
    read = [_side(text) for text in texts]
    paths = list(dict.fromkeys(path for path, _ in read))
    # Each folder is read once, so that two parts of it are known to share their blocks.
    cells = {path: summarise([store.read(path)], times_only=True) for path in paths}
    names = _names(read)
    return [
        operand(name, cells[path], plan.parse_selection([selection] if selection else []))
        for name, (path, selection) in zip(names, read, strict=True)
    ]


def _side(text: str) -> tuple[Path, str]:
    folder, _, selection = text.partition("@")
    found = store.find_folders([Path(folder)])
    if len(found) != 1:
        raise SuiteError(
            f"{folder} holds {len(found)} result folders, and a side is one",
            hint="name one of them: " + ", ".join(path.name for path in found[:5]),
        )
    return found[0], selection


def _names(sides: list[tuple[Path, str]]) -> list[str]:
    """Name sides by what tells them apart: the selection, the folder, or both."""
    folders = {path for path, _ in sides}
    chosen = [selection for _, selection in sides]
    if len(folders) == 1 and all(chosen) and len(set(chosen)) == len(chosen):
        return [text if "," in text else text.partition("=")[2] for text in chosen]
    names = [f"{path.name}@{selection}" if selection else path.name for path, selection in sides]
    return [name if names.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(names, 1)]
