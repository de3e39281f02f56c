"""`edgebench run SUITE`: measure, keep, print."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness import artifacts, plan, shards, store
from harness.cli import say
from harness.cli.finish import concluded
from harness.cli.folders import label_of, say_where
from harness.cli.plan import load_plan, plan_table, until_of
from harness.cli.printing import print_tables
from harness.cli.session_record import FileKey, digest_of, planned_models, session_record
from harness.disturbances import how_replaced
from harness.errors import (
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_RAN,
    EXIT_OK,
    StoreError,
)
from harness.looks import Looking, how_looked
from harness.model import (
    Lineage,
    Measured,
    ResultFolder,
    RunResult,
    SessionRecord,
    Skipped,
)
from harness.outputs import ORIGINAL
from harness.plan import Plan
from harness.plugins import Driver, ModelFile, ModelFormat, ToolFile, driver, registry
from harness.progress import display
from harness.report import tables
from harness.retries import POLICY, RetryPolicy, failed_for_good, is_made, with_added
from harness.runner import run_plan
from harness.runner.events import Event
from harness.runner.provenance import host_facts
from harness.serials import hashed
from harness.store import Writer
from harness.suite.values import Suite
from harness.transports import litert

_MISSING_PARTS = frozenset(
    {
        "browser-missing",
        "adb-missing",
        "tfjs-missing",
        "litert-missing",
        "runtime-missing",
        "node-missing",
    }
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that is new, or goes on: where it is kept, what is to do, what was done."""

    writer: Writer
    plan: Plan
    policy: RetryPolicy
    stored: tuple[RunResult, ...] = ()
    looking: Looking | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a plan needs: its drivers, the files of its models, its tools."""

    drivers: Mapping[str, Driver]
    models: Mapping[FileKey, Mapping[ModelFormat, ModelFile]]
    tools: Mapping[str, Mapping[str, ToolFile]]


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    # A format that does not exist is found out now, not after an hour of measuring.
    registry("formats").get(arguments.format or "terminal")
    planned = load_plan(arguments)
    if arguments.dry_run:
        print_tables([plan_table(planned, until_of(arguments, planned))], arguments.format)
        return EXIT_OK
    if not planned.lanes and planned.shard:
        say(shards.told(planned.shard))
        return EXIT_OK
    prepared = prepare(planned)
    begun = begin(arguments, planned, prepared)

    def session() -> int:
        with display(arguments.progress) as emit:
            folder, finished = make_runs(arguments, begun, prepared, emit)
        return conclude(arguments, folder, finished=finished)

    return concluded(planned.suite, begun.writer.path, session)


def measure(arguments: argparse.Namespace, planned: Plan) -> tuple[ResultFolder, bool]:
    """Make the runs of a plan; return their folder, and whether it came to its end.

    Raises:
        HarnessError: the session cannot begin, or cannot keep what it measures.
    """
    prepared = prepare(planned)
    with display(arguments.progress) as emit:
        return measure_prepared(arguments, planned, prepared, emit)


def prepare(planned: Plan) -> Prepared:
    """Fetch or build everything that a plan needs.

    Raises:
        HarnessError: something of it cannot be had.
    """
    drivers = {target.driver: driver(target.driver) for target in planned.suite.targets}
    return Prepared(
        drivers, _model_files(planned, drivers), artifacts.tool_files(planned.suite.tools)
    )


def measure_prepared(
    arguments: argparse.Namespace,
    planned: Plan,
    prepared: Prepared,
    emit: Callable[[Event], None],
) -> tuple[ResultFolder, bool]:
    """Do what `measure` does with what is prepared, telling of it by `emit`."""
    return make_runs(arguments, begin(arguments, planned, prepared), prepared, emit)


def make_runs(
    arguments: argparse.Namespace,
    begun: Begun,
    prepared: Prepared,
    emit: Callable[[Event], None],
) -> tuple[ResultFolder, bool]:
    """Make the runs that a session which has begun still lacks."""
    with begun.writer:
        finished = run_plan(
            begun.plan,
            drivers=prepared.drivers,
            models=prepared.models,
            tools=prepared.tools,
            writer=begun.writer,
            host_place={key: host_facts()[key] for key in ("cpu_model", "os_major", "cores")},
            emit=emit,
            stored=begun.stored,
            policy=begun.policy,
            until=until_of(arguments, begun.plan),
            looking=begun.looking,
        )
    return store.read(begun.writer.path), finished


def conclude(arguments: argparse.Namespace, folder: ResultFolder, *, finished: bool) -> int:
    """Print the tables of a session, and return its exit code."""
    path = Path(folder.path)
    if any(isinstance(run.outcome, Measured) for run in folder.runs) or finished:
        print_tables(tables.build((folder,)), arguments.format)
    say_where(path, arguments.format)
    if not finished:
        verb = f"edgebench {arguments.module} {arguments.suite}"
        say(f"to make the missing runs: {verb} --resume {path}")
    return exit_code(folder) if finished else EXIT_INTERRUPTED


def _model_files(
    planned: Plan, drivers: Mapping[str, Driver]
) -> Mapping[FileKey, Mapping[ModelFormat, ModelFile]]:
    needed: dict[FileKey, set[ModelFormat]] = {}
    for run in planned.runs:
        wanted = drivers[run.target.driver].model_format
        needed.setdefault(run.model.key, set()).add(wanted)
        if wanted == "onnx" and litert.version():
            # No runtime of it has reference kernels: LiteRT's on this file are its reference.
            needed[run.model.key].add("tflite")
        if run.model.has_original:
            needed.setdefault((run.cell.model, ORIGINAL), set()).add(wanted)
    return {
        source.key: artifacts.model_files(source, needed[source.key])
        for source in planned.suite.models
        if source.key in needed
    }


def exit_code(folder: ResultFolder) -> int:
    """Return 0 if every run was measured or expectedly skipped, 3 if none could run, else 1.

    A run that failed for no fault of what was measured counts as measured once a block that was
    added has made up for it.
    Where nothing ran, a missing device is a finding (1); a missing part of this machine, or a
    suite of nothing but declared skips, means that nothing could run (3).
    """
    latest = {(run.cell, run.pass_, run.block): run for run in folder.runs}
    outcomes = [run.outcome for run in latest.values()]
    skips = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
    if len(skips) == len(outcomes):
        only_parts = all(skip.expected or skip.failure.kind in _MISSING_PARTS for skip in skips)
        return EXIT_NOTHING_RAN if only_parts else EXIT_FINDINGS
    failed = failed_for_good(tuple(latest.values()), folder.session.added_blocks)
    return EXIT_FINDINGS if failed or not all(skip.expected for skip in skips) else EXIT_OK


def begin(
    arguments: argparse.Namespace,
    planned: Plan,
    prepared: Prepared,
    lineage: Lineage | None = None,
) -> Begun:
    """Make the folder of a new session, or take up the one of `--resume`.

    `lineage` is set where its suite is another folder's.

    Raises:
        StoreError: it cannot be made, or is not the folder of such a session.
    """
    models = prepared.models
    if arguments.resume is not None:
        return _resumed(arguments, planned)
    label = label_of(arguments.label)
    plans = planned_models(models) if planned.suite.plan_memory else {}
    noted = session_record(planned, prepared.drivers, models, plans, label)
    suite_text = _without_serials(planned.suite)
    session = replace(noted, suite_sha256=digest_of(suite_text), lineage=lineage)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    base = Path("results") / planned.suite.name
    part = f"_{planned.shard.index}of{planned.shard.count}" if planned.shard else ""
    path = arguments.out or base / f"{stamp}_{label}{part}"
    tensors = {
        models[key]["tflite"].sha256: each.tensors for key, each in plans.items() if each.tensors
    }
    writer = store.create(path, session, suite_text, tensors)
    looking = how_looked(session, plan.benches_of(planned))
    return Begun(writer, planned, _policy(session), looking=looking)


def _without_serials(suite: Suite) -> str:
    """Return the suite as it is stored: a phone's serial in it stands as its hash."""
    text = suite.text
    for target in suite.targets:
        if target.phone is not None and target.phone.serial:
            text = text.replace(target.phone.serial, hashed(target.phone.serial))
    return text


def _resumed(arguments: argparse.Namespace, planned: Plan) -> Begun:
    writer, folder = store.resume(arguments.resume)
    session = folder.session
    # Older sessions noted the hash of the suite with its serials.
    known = {digest_of(_without_serials(planned.suite)), digest_of(planned.suite.text)}
    if session.suite_sha256 not in known:
        writer.close()
        raise StoreError(
            "the suite has changed since this session began",
            where=str(arguments.resume),
            hint=f"bring the suite back as it was ({arguments.resume / 'suite.yaml'}), "
            "or start a new session without --resume",
        )
    _check_same_tools(session, arguments.resume, writer)
    _check_same_verb(arguments, session, writer)
    drivers = {target.driver: driver(target.driver) for target in planned.suite.targets}
    _check_same_phones(planned, session, arguments.resume, writer)
    whole = plan.make(
        planned.suite, drivers, blocks=session.blocks, seed=session.seed, twins=planned.twins
    )
    whole = plan.of_cells(whole, session.cells)
    policy = _policy(session)
    looking = how_looked(session, plan.benches_of(whole))
    if looking is None:
        whole = with_added(whole, folder.runs, policy.added_blocks, policy.replacing)
        made = [(run.cell, run.pass_, run.block) for run in folder.runs if is_made(run)]
        whole = plan.without(whole, made)
    return Begun(writer, whole, policy, folder.runs, looking)


def _policy(session: SessionRecord) -> RetryPolicy:
    return replace(
        POLICY,
        added_blocks=session.added_blocks,
        replacing=how_replaced(session),
    )


def _check_same_tools(session: SessionRecord, folder: Path, writer: Writer) -> None:
    """Refuse to go on with a folder that was made from another one, not from its suite alone."""
    if session.lineage is not None:
        writer.close()
        raise StoreError(
            f"this folder was {session.lineage.how} from {session.lineage.of}",
            where=str(folder),
            hint="make it anew with the command that its session.json notes",
        )


def _check_same_verb(arguments: argparse.Namespace, session: SessionRecord, writer: Writer) -> None:
    """Refuse to go on here with a session whose browser came by itself."""
    if arguments.module == "run" and any(
        target.bench.startswith("served:") for target in session.targets
    ):
        writer.close()
        raise StoreError(
            "this session was begun by `edgebench serve`",
            where=str(arguments.resume),
            hint=f"run: edgebench serve {arguments.suite} --resume {arguments.resume}",
        )


def _check_same_phones(planned: Plan, session: SessionRecord, folder: Path, writer: Writer) -> None:
    """Refuse to go on with another phone than the session's: its rows would mix two."""
    before = {target.name: target.bench for target in session.targets}
    for target in planned.suite.targets:
        bench = before.get(target.name, "")
        known = bench.startswith("phone:") and bench != "phone:auto"
        if known and target.phone is not None and target.phone.bench != bench:
            writer.close()
            raise StoreError(
                f"the target {target.name!r} was on {bench} and is now on {target.phone.bench}",
                where=str(folder),
                hint="attach the phone that the session began with, or start a new session",
            )
