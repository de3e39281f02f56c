"""`edgebench lock SUITE`: fetch, hash and pin a suite's models and tools, keeping comments."""

from __future__ import annotations

import argparse

from harness import artifacts
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK
from harness.model import Column, Table
from harness.suite.lock import LockReport, lock


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 when everything is pinned."""
    report = lock(arguments.suite, artifacts.fetch)
    print_tables([_table(report)], arguments.format)
    return EXIT_OK


def _table(report: LockReport) -> Table:
    if not report.pins:
        notes = ["nothing to pin: this suite names no URL and no program"]
    else:
        notes = [f"{report.path} was {'rewritten' if report.changed else 'left as it is'}"]
    return Table(
        name="lock",
        title="Pins",
        columns=(
            Column("where", "where"),
            Column("source", "source"),
            Column("outcome", "outcome"),
            Column("abi", "ABI"),
            Column("sha256", "sha256"),
        ),
        rows=tuple(
            (pin.where, pin.source, pin.outcome, pin.abi, pin.sha256) for pin in report.pins
        ),
        notes=tuple(notes),
    )
