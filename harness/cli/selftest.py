"""`edgebench selftest`: identical variants, and what they say of this machine."""

from __future__ import annotations

import argparse
import string
import tempfile
from itertools import combinations
from pathlib import Path

from harness import store
from harness.cli import say
from harness.cli.folders import say_where
from harness.cli.plan import load_plan
from harness.cli.printing import print_tables
from harness.cli.run import exit_code, measure
from harness.counted import counted
from harness.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, StoreError, SuiteError
from harness.model import ResultFolder
from harness.plan import Plan, estimated_seconds
from harness.plugins import registry
from harness.progress import duration_text
from harness.report.false_alarms import EFFECTS, examine
from harness.report.selftest import selftest_table

VIRTUAL = "virtual"
_SUITE = """\
# Identical variants against each other: what `edgebench selftest` measured.
suite: selftest
models: {{{model}: {{generate: {model}, seed: 7}}}}
targets:
  here:
{target}
    baseline: a
    ratios: [{ratios}]
    variants: {{{variants}}}
sampling: {{blocks: {blocks}, memory_runs: 0, seed: {seed}}}
"""
_BROWSER = """\
    driver: web-tfjs
    browser: {browser}"""
_DEVICE = """\
    driver: android-tflite
    device: virtual"""


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code.

    0: this machine is fit to tell the largest of the effects apart. 1: it is not, its verdicts
    are wrong too often, or a run failed. Others as of `edgebench run`.
    """
    registry("formats").get(arguments.format or "terminal")
    if arguments.of is not None:
        return _tell(store.read(arguments.of), arguments)
    with tempfile.TemporaryDirectory() as scratch:
        planned = _plan(arguments, Path(scratch))
        folder, finished = measure(arguments, planned)
    say_where(Path(folder.path), arguments.format)
    if not finished:
        path = folder.path
        say(
            f"to go on: edgebench run {path}/suite.yaml --resume {path}, "
            f"then edgebench selftest --of {path} --blocks {arguments.blocks}"
        )
        return EXIT_INTERRUPTED
    return _tell(folder, arguments)


def suite_text(on: str, model: str, variants: int, blocks: int, seed: int) -> str:
    """Return a suite of identical variants on a browser, or on the virtual device."""
    names = string.ascii_lowercase[:variants]
    options = "{threads: 1}" if on == VIRTUAL else "{wasm: simd}"
    return _SUITE.format(
        model=model,
        target=_DEVICE if on == VIRTUAL else _BROWSER.format(browser=on),
        ratios=", ".join(f"{one}/{other}" for one, other in combinations(names, 2)),
        variants=", ".join(f"{name}: {options}" for name in names),
        blocks=blocks,
        seed=seed,
    )


def _plan(arguments: argparse.Namespace, scratch: Path) -> Plan:
    """Lay out as many rounds as were asked for, or as fit into the time; say how long it takes."""
    one = _plan_of(arguments, scratch, rounds=1)
    round_s = sum(map(estimated_seconds, one.runs))
    rounds = arguments.rounds
    if arguments.minutes is not None:
        rounds = min(rounds, int(arguments.minutes * 60 // round_s))
    if rounds < 1:
        raise SuiteError(
            f"one round takes about {duration_text(round_s)}, which is more than --minutes",
            hint="give it more time, or fewer --blocks or --variants",
        )
    planned = _plan_of(arguments, scratch, rounds=rounds)
    total = duration_text(rounds * round_s)
    what = f"{arguments.variants} identical variants of {arguments.model} on {arguments.on}"
    much = f"{counted(rounds, 'round')} of {arguments.blocks} blocks, about {total}"
    say(f"selftest: {what}, {much}; leave the machine alone meanwhile")
    return planned


def _plan_of(arguments: argparse.Namespace, scratch: Path, rounds: int) -> Plan:
    blocks = rounds * arguments.blocks
    text = suite_text(
        arguments.on, arguments.model, arguments.variants, blocks, arguments.seed or 1
    )
    arguments.suite = scratch / "selftest.yaml"
    arguments.suite.write_text(text)
    shown = argparse.Namespace(**{**vars(arguments), "blocks": None, "seed": None})
    return load_plan(shown)


def _tell(folder: ResultFolder, arguments: argparse.Namespace) -> int:
    found = examine(folder, arguments.blocks)
    if found is None:
        code = exit_code(folder)
        if code != EXIT_OK:
            say("edgebench: too few runs were measured to compare; `edgebench table` says why")
            return code
        raise StoreError(
            f"no {arguments.blocks} blocks in which two variants were measured",
            where=folder.path,
            hint="name the folder of a self-test, and the --blocks that it was measured with",
        )
    print_tables([selftest_table(folder, found)], arguments.format)
    fit = found.fit(max(EFFECTS))
    return exit_code(folder) or (EXIT_OK if fit else EXIT_FINDINGS)
