"""`edgebench export DIR… --format NAME`: measured cells for other tools to take in."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

from harness import plan, store
from harness.cli import say
from harness.counted import counted
from harness.errors import EXIT_OK, SuiteError
from harness.report import exports
from harness.report.exports.cells import exported
from harness.report.outcome_words import invalid_among
from harness.report.summary import CellSummary

_NO_FORMAT = "cells"


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    names = _names()
    if arguments.format not in names:
        raise SuiteError(
            f"there is no export named {arguments.format!r}",
            hint=f"known exports: {', '.join(names)}",
        )
    module = importlib.import_module(f"{exports.__name__}.{names[arguments.format]}")
    selection = plan.parse_selection(arguments.only)
    folders = [store.read(path) for path in store.find_folders(arguments.folders)]
    every = exported(folders, include_virtual=True)
    chosen = [each for each in every if selection.admits(each.cell.cell)]
    kept = [each for each in chosen if arguments.include_virtual or not each.cell.virtual]
    sys.stdout.write(module.render(kept))
    if left_out := len(chosen) - len(kept):
        say(
            f"{counted(left_out, 'cell')} of virtual devices left out: they are this host, not a "
            "phone; --include-virtual takes them too"
        )
    if invalid := sum(_has_marked_runs(each.cell) for each in kept):
        say(f"{counted(invalid, 'cell')} with runs that were marked invalid: those have no number")
    return EXIT_OK


def _has_marked_runs(cell: CellSummary) -> bool:
    return any(invalid_among(one_pass.runs) for one_pass in cell.passes.values())


def _names() -> dict[str, str]:
    """Return the exports by the name that a person types, each a module of the package."""
    folder = str(Path(exports.__file__).parent)
    modules = (module.name for module in pkgutil.iter_modules([folder]))
    return {name.replace("_", "-"): name for name in modules if name != _NO_FORMAT}
