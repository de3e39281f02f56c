"""`edgebench backfill DIR`: an old folder's own suite, measured with other builds."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from harness import plan, store
from harness.cli import say
from harness.cli.backfill_builds import (
    runtimes_in,
    runtimes_of,
    tools_apart,
    with_runtime,
    with_tools,
)
from harness.cli.folders import label_of, place_of, say_where
from harness.cli.placing import placed
from harness.cli.plan import plan_table, until_of
from harness.cli.printing import print_tables
from harness.cli.run import begin, exit_code, make_runs, prepare
from harness.errors import EXIT_INTERRUPTED, EXIT_OK, SuiteError
from harness.model import Lineage, SessionRecord
from harness.plan import Plan
from harness.plugins import driver, registry
from harness.progress import display
from harness.report import tables
from harness.store.folder import RUNS, SUITE
from harness.suite.load import parse, read_text
from harness.suite.values import Suite

_BASE = Path("backfilled")


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit codes of `edgebench run`."""
    registry("formats").get(arguments.format or "terminal")
    folder: Path = arguments.folder
    session = store.read_session(folder)
    suite = _suite(folder, arguments.beside)
    changed = with_tools(suite, arguments.tool)
    if arguments.runtime:
        changed = with_runtime(changed, arguments.runtime.resolve())
    if changed == suite:
        raise SuiteError(
            "a backfill measures with other builds", hint="name them with --tool or --runtime"
        )
    planned = _plan(placed(changed, arguments), session, arguments)
    if arguments.dry_run:
        print_tables([plan_table(planned, until_of(arguments, planned))], arguments.format)
        return EXIT_OK
    lineage = Lineage(
        how="backfilled",
        of=place_of(folder).as_posix(),
        runs_sha256=sha256((folder / RUNS).read_bytes()).hexdigest(),
        why=arguments.why or "measured again with other builds",
        before={**tools_apart(suite, changed), **runtimes_of(store.read(folder), changed)},
        after={**tools_apart(changed, suite), **runtimes_in(changed)},
    )
    if arguments.out is None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
        arguments.out = _BASE / suite.name / f"{stamp}_{label_of(arguments.label)}"
    arguments.resume = None
    prepared = prepare(planned)
    begun = begin(arguments, planned, prepared, lineage)
    with display(arguments.progress) as emit:
        made, finished = make_runs(arguments, begun, prepared, emit)
    print_tables(tables.build((made,)), arguments.format)
    say_where(Path(made.path), arguments.format)
    if not finished:
        say("a backfill that was interrupted is begun anew: what it measured stays where it is")
        return EXIT_INTERRUPTED
    return exit_code(made)


def _suite(folder: Path, beside: Path | None) -> Suite:
    """Read a folder's own suite as if it stood where it stood then: `beside`, else the folder."""
    return parse(read_text(folder / SUITE), (beside or folder).resolve() / SUITE)


def _plan(suite: Suite, session: SessionRecord, arguments: argparse.Namespace) -> Plan:
    drivers = {target.driver: driver(target.driver) for target in suite.targets}
    # A suite that asks for a precision finds its number of blocks anew.
    before = None if session.looks else session.blocks
    return plan.make(
        suite,
        drivers,
        blocks=before if arguments.blocks is None else arguments.blocks,
        seed=session.seed if arguments.seed is None else arguments.seed,
        only=plan.parse_selection(arguments.only),
    )
