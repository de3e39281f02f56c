"""`edgebench devices`: the phones that the adb server sees, and what each needs to be usable."""

from __future__ import annotations

import argparse

from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.model import Column, Table
from harness.transports.adb import devices


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if there is a phone and every phone is ready, else 1."""
    seen = devices()
    table = Table(
        name="devices",
        title="Devices",
        columns=(
            Column("serial", "serial"),
            Column("state", "state"),
            Column("model", "model"),
            Column("next_step", "next step"),
        ),
        rows=tuple((each.serial, each.state, each.model or None, each.hint) for each in seen),
        notes=() if seen else ("no phone is attached: attach one with USB debugging switched on",),
    )
    print_tables([table], arguments.format)
    return EXIT_OK if seen and all(each.ready for each in seen) else EXIT_FINDINGS
