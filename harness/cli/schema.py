"""`edgebench schema`: the JSON Schema of suites, for editors."""

from __future__ import annotations

import argparse
import json
import sys

from harness.errors import EXIT_OK
from harness.suite.json_schema import schema


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    del arguments
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
    return EXIT_OK
