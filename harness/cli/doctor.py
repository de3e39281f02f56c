"""`edgebench doctor`: every part, found or not, which version, and what mends it."""

from __future__ import annotations

import argparse

from harness.cli.printing import print_tables
from harness.doctor import examine, lanes_are_ready
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.model import Column, Table


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if both lanes have all that they need."""
    parts = examine()
    missing = sum(not part.found for part in parts)
    ready = lanes_are_ready(parts)
    notes = ["both lanes are ready" if ready else "something that a lane needs is missing"]
    if missing:
        notes.append(f"missing: {missing} of {len(parts)} parts; `mend` brings each")
    table = Table(
        name="doctor",
        title="Parts",
        columns=(
            Column("part", "part"),
            Column("found", "found"),
            Column("version", "version"),
            Column("where", "where"),
            Column("for", "needed for"),
            Column("mend", "mend"),
        ),
        rows=tuple(
            (
                part.name,
                "yes" if part.found else "no",
                part.version or None,
                part.where or None,
                part.needed_for,
                part.mend or None,
            )
            for part in parts
        ),
        notes=tuple(notes),
    )
    print_tables([table], arguments.format)
    return EXIT_OK if ready else EXIT_FINDINGS
