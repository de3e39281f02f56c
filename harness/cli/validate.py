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
from harness.counted import counted
from harness.errors import EXIT_INPUT, EXIT_OK, SuiteError
from harness.options import Sampling
from harness.statistics.sequential import LOOKS
from harness.suite.expansions import expansions
from harness.suite.finding import Finding, SuiteMistakes
from harness.suite.load import load

_PHONES = "devices."


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
            contents, *expanded = _contents(path, phones)
            lines = [f"{path}: ok ({contents})", *(f"  {line}" for line in expanded)]
            sys.stdout.write("\n".join(lines) + "\n")
        except SuiteError as error:
            wrong = True
            say(f"{error}\n  next step: {error.hint}")
    return EXIT_INPUT if wrong else EXIT_OK


def _contents(path: Path, phones: lab.Lab) -> tuple[str, ...]:
    """Say what is in a suite, or in a file of phones, which is called `devices.…`.

    Behind that comes a line for each entry that a matrix expanded.
    """
    if path.name.startswith(_PHONES):
        return (counted(len(lab.load(path).phones), "phone"),)
    suite = lab.place(load(path), phones, lab.Unseen())
    numbers = (
        (len({model.name for model in suite.models}), "model"),
        (len(suite.targets), "target"),
        (len(suite.models) * sum(len(target.variants) for target in suite.targets), "cell"),
    )
    told = [*(counted(*each) for each in numbers), _blocks(suite.sampling)]
    return (", ".join(told), *expansions(suite))


def _blocks(sampling: Sampling) -> str:
    if sampling.precision is None:
        return counted(sampling.blocks, "block")
    return f"{LOOKS[0]} to {LOOKS[-1]} blocks"


def _findings(path: Path, phones: lab.Lab) -> tuple[Finding, ...]:
    try:
        _contents(path, phones)
    except SuiteMistakes as error:
        return error.findings
    return ()
