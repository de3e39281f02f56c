"""`edgebench drivers`, `formats`: what is installed, and where it comes from."""

from __future__ import annotations

import argparse

from harness.cli.printing import print_tables
from harness.errors import EXIT_OK
from harness.model import Column, Table
from harness.plugins import registry


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    known = registry(arguments.kind)
    table = Table(
        name=arguments.kind,
        title=arguments.kind.capitalize(),
        columns=(Column("name", "name"), Column("from", "from")),
        rows=tuple((name, known.origins[name]) for name in known.names),
    )
    print_tables([table], arguments.format)
    return EXIT_OK
