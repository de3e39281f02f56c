"""`edgebench validate SUITE…`: every mistake at once, with file, line and column."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from harness import lab
from harness.cli import say
from harness.cli.placing import the_lab
from harness.errors import EXIT_INPUT, EXIT_OK, SuiteError
from harness.suite.finding import Finding, SuiteMistakes
from harness.suite.load import load


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 if every suite can be run."""
    phones = the_lab(arguments)
    if arguments.json:
        findings = [found for path in arguments.suites for found in _findings(path, phones)]
        records = [dataclasses.asdict(found) for found in findings]
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=False) + "\n")
        return EXIT_INPUT if findings else EXIT_OK
    wrong = False
    for path in arguments.suites:
        try:
            suite = lab.place(load(path), phones, lab.Unseen())
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


def _findings(path: Path, phones: lab.Lab) -> tuple[Finding, ...]:
    try:
        lab.place(load(path), phones, lab.Unseen())
    except SuiteMistakes as error:
        return error.findings
    return ()
