"""`edgebench validate SUITE…`: every mistake at once, with file, line and column."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from harness.cli import say
from harness.errors import EXIT_INPUT, EXIT_OK, SuiteError
from harness.suite.load import load, validate


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if every suite can be run."""
    if arguments.json:
        findings = [found for path in arguments.suites for found in validate(path)]
        records = [dataclasses.asdict(found) for found in findings]
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=False) + "\n")
        return EXIT_INPUT if findings else EXIT_OK
    wrong = False
    for path in arguments.suites:
        try:
            suite = load(path)
        except SuiteError as error:
            wrong = True
            say(f"{error}\n  next step: {error.hint}")
        else:
            cells = len(suite.models) * sum(len(target.variants) for target in suite.targets)
            sys.stdout.write(
                f"{path}: ok ({len(suite.models)} models, {len(suite.targets)} targets, "
                f"{cells} cells, {suite.sampling.blocks} blocks)\n"
            )
    return EXIT_INPUT if wrong else EXIT_OK
