"""`edgebench digest`: the morning page, in at most forty lines."""

from __future__ import annotations

import argparse
import sys

from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.report.digest.as_json import as_json
from harness.report.digest.page import markdown, terminal
from harness.report.digest.reading import digest_of

_FORMATS = {"terminal": terminal, "markdown": markdown, "json": as_json}


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 1 if something in it is red."""
    digest = digest_of(arguments.folders)
    sys.stdout.write(_FORMATS[arguments.format](digest))
    return EXIT_FINDINGS if digest.red else EXIT_OK
