"""`edgebench backfill DIR --tool NAME=PATH`: an old folder's own suite, measured with new tools."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from harness import plan, store
from harness.cli import say
from harness.cli.folders import label_of, place_of, say_where
from harness.cli.placing import placed
from harness.cli.plan import plan_table, until_of
from harness.cli.printing import print_tables
from harness.cli.run import begin, exit_code, make_runs, prepare
from harness.errors import EXIT_INTERRUPTED, EXIT_OK, SuiteError
from harness.model import Facts, Lineage, SessionRecord
from harness.plan import Plan
from harness.plugins import driver, registry
from harness.progress import display
from harness.report import tables
from harness.store.folder import RUNS, SUITE
from harness.suite import elf
from harness.suite.load import parse, read_text
from harness.suite.values import Source, Suite, ToolSource

_BASE = Path("backfilled")


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit codes of `edgebench run`."""
    registry("formats").get(arguments.format or "terminal")
    folder: Path = arguments.folder
    session = store.read_session(folder)
    suite = _suite(folder, arguments.beside)
    changed = with_tools(suite, arguments.tool)
    planned = _plan(placed(changed, arguments), session, arguments)
    if arguments.dry_run:
        print_tables([plan_table(planned, until_of(arguments, planned))], arguments.format)
        return EXIT_OK
    lineage = Lineage(
        how="backfilled",
        of=place_of(folder).as_posix(),
        runs_sha256=sha256((folder / RUNS).read_bytes()).hexdigest(),
        why=arguments.why or "measured again with other tools",
        before=_builds(suite, changed),
        after=_builds(changed, suite),
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


def with_tools(suite: Suite, given: list[str]) -> Suite:
    """Return a suite in which `NAME=PATH` or `NAME/ABI=PATH` replaces that build of a tool.

    Raises:
        SuiteError: the suite has no such tool, or the file is no program.
    """
    tools = list(suite.tools)
    for text in given:
        new = _tool(text, suite)
        at = [(tool.name, tool.abi) for tool in tools].index((new.name, new.abi))
        tools[at] = replace(new, kind=tools[at].kind)
    return replace(suite, tools=tuple(tools))


def _tool(text: str, suite: Suite) -> ToolSource:
    named, equals, file = text.partition("=")
    name, _, abi = named.partition("/")
    if not (equals and name and file):
        raise SuiteError(
            f"--tool does not understand {text!r}",
            hint="write NAME=PATH with a name under `tools:` of the suite, or NAME/ABI=PATH",
        )
    path = Path(file).resolve()
    try:
        program = path.read_bytes()
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=file, hint="name the new program"
        ) from error
    abi = abi or elf.abi(program[: elf.HEADER_BYTES])
    known = [f"{tool.name}/{tool.abi}" for tool in suite.tools]
    if f"{name}/{abi}" not in known:
        told = ", ".join(known) or "none: its targets take what the harness brings"
        raise SuiteError(f"the suite has no tool {name}/{abi}", hint=f"its tools are: {told}")
    return ToolSource(name, abi, Source(path=path, sha256=sha256(program).hexdigest()))


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


def _builds(suite: Suite, other: Suite) -> Facts:
    """Return the hashes of those tools that the other suite has another build of."""
    theirs = {(tool.name, tool.abi): tool.source.sha256 for tool in other.tools}
    return {
        f"{tool.name} ({tool.abi})": tool.source.sha256
        for tool in suite.tools
        if theirs[tool.name, tool.abi] != tool.source.sha256
    }
