"""`edgebench plan SUITE`: what would run, in which order, about how long."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from datetime import UTC, datetime

from harness import plan, shards
from harness.cli.placing import placed
from harness.cli.printing import print_tables
from harness.counted import counted
from harness.errors import EXIT_OK, SuiteError
from harness.model import Column, Figure, Table
from harness.plan import Lane, Plan, PlannedRun, estimated_seconds
from harness.plugins import driver
from harness.progress import duration_text
from harness.runner.time_limit import blocks_that_fit, next_time
from harness.statistics.paired import BLOCKS_FOR_AN_INTERVAL
from harness.suite.expansions import expansions
from harness.suite.load import load


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if arguments.against is not None:
        # It needs every file of the build, which a plan alone does not.
        from harness.cli import gate_plan

        return gate_plan.execute(arguments)
    planned = load_plan(arguments)
    until = until_of(arguments, planned)
    print_tables([plan_table(planned, until)], arguments.format)
    return EXIT_OK


def until_of(arguments: argparse.Namespace, planned: Plan) -> datetime | None:
    """Return when a session that begins now has to end: `--until`, else the suite's key."""
    text = arguments.until or planned.suite.until
    return next_time(text, datetime.now(UTC)) if text else None


def load_plan(arguments: argparse.Namespace) -> Plan:
    """Load the suite that is named and lay out its runs; raises `SuiteError`."""
    shard = getattr(arguments, "shard", None)
    if getattr(arguments, "resume", None) and (
        arguments.only or shard or arguments.blocks is not None or arguments.seed is not None
    ):
        raise SuiteError(
            "--resume makes the runs that the session still lacks",
            hint="leave --only, --shard, --blocks and --seed away: the session knows its own",
        )
    suite = placed(load(arguments.suite), arguments)
    drivers = {target.driver: driver(target.driver) for target in suite.targets}
    whole = plan.make(
        suite,
        drivers,
        blocks=arguments.blocks,
        seed=arguments.seed,
        only=plan.parse_selection(arguments.only),
    )
    return shards.cut(whole, *shard) if shard else whole


def plan_table(planned: Plan, until: datetime | None = None) -> Table:
    """Return the plan as a table: a row per run, in order, per bench."""
    several = len({run.model.key for run in planned.runs}) > len(
        {run.cell.model for run in planned.runs}
    )
    rows = tuple(
        (
            run.bench,
            Figure(run.order, str(run.order)),
            run.pass_,
            Figure(run.block, str(run.block)),
            run.cell.model,
            *((run.cell.file,) if several else ()),
            run.cell.target,
            run.cell.variant,
        )
        for lane in planned.lanes
        for run in lane.runs
    )
    return Table(
        name="plan",
        title=f"Plan of {planned.suite.name}",
        columns=(
            Column("bench", "bench"),
            Column("order", "#", align="right"),
            Column("pass", "pass"),
            Column("block", "block", align="right"),
            Column("model", "model"),
            *((Column("file", "file"),) if several else ()),
            Column("target", "target"),
            Column("variant", "variant"),
        ),
        rows=rows,
        notes=(*_notes(planned), *_what_fits(planned, until)),
    )


def _what_fits(planned: Plan, until: datetime | None) -> tuple[str, ...]:
    if until is None:
        return ()
    seconds = (until - datetime.now(UTC)).total_seconds()
    fitting = [(lane, *blocks_that_fit(lane, seconds)) for lane in planned.lanes]
    parts = ", ".join(f"{fit} of {blocks} on {lane.bench}" for lane, fit, blocks in fitting)
    told = (
        f"until {until:%H:%M}, which is {duration_text(seconds)} from now, about so many blocks "
        f"and rounds begin: {parts}; the rest is skipped"
    )
    return (told,)


def _how_many_blocks(planned: Plan) -> str:
    asked = planned.suite.sampling.precision
    if planned.precision is None:
        instead = f", in place of the suite's precision of {_percent(asked)}" if asked else ""
        return (
            f"{counted(planned.blocks, 'block')}{instead}; a ratio has an interval and a verdict "
            f"from {BLOCKS_FOR_AN_INTERVAL} blocks on, 10 are the default"
        )
    least, *more = planned.looks
    budget = (
        f"; once the blocks of a bench have taken {duration_text(planned.budget_s)} it begins no "
        "further ones"
        if planned.budget_s is not None
        else ""
    )
    return (
        f"{least} blocks of each model, then up to {', '.join(map(str, more))}, until every 95 % "
        f"interval of the model reaches at most {_percent(planned.precision)} to either side; "
        f"rows of blocks after {least} may not be made{budget}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _least_to_most(planned: Plan) -> tuple[str, str]:
    """Say how many runs there are, and how long they take, from the fewest blocks to the most."""
    fewest = [_up_to(lane, planned.looks[0] if planned.looks else None) for lane in planned.lanes]
    most = [_up_to(lane, _most_blocks(lane, planned)) for lane in planned.lanes]
    runs = [sum(map(len, lanes)) for lanes in (fewest, most)]
    times = [_longest_s(lanes) for lanes in (fewest, most)]
    number = counted(runs[1], "run")
    return (
        f"{runs[0]} to {number}" if runs[0] < runs[1] else number,
        " to ".join(dict.fromkeys(map(duration_text, times))),
    )


def _longest_s(lanes: Iterable[Iterable[PlannedRun]]) -> float:
    return max((sum(map(estimated_seconds, lane)) for lane in lanes), default=0.0)


def _up_to(lane: Lane, blocks: int | None) -> list[PlannedRun]:
    """Return a lane's runs with its first blocks alone, with all of them if there is no number."""
    return [
        run for run in lane.runs if blocks is None or run.pass_ != "latency" or run.block <= blocks
    ]


def _most_blocks(lane: Lane, planned: Plan) -> int | None:
    """Return the look after which a lane's budget is spent, None where it makes all its blocks."""
    for blocks in planned.looks if planned.budget_s is not None else ():
        latency = [r for r in lane.runs if r.pass_ == "latency" and r.block <= blocks]
        if sum(map(estimated_seconds, latency)) >= (planned.budget_s or 0):
            return blocks
    return None


def _notes(planned: Plan) -> tuple[str, ...]:
    runs, took = _least_to_most(planned)
    ratios = sum(
        len(target.ratios)
        for target in planned.suite.targets
        for file in {r.model.key for r in planned.runs if r.target.name == target.name}
    )
    notes = [
        (
            f"{runs} of {counted(len(planned.cells), 'cell')} on "
            f"{counted(len(planned.lanes), 'bench', 'benches')}, seed {planned.seed}, "
            f"about {took} if models are quick; "
            "a slow model takes up to timed.max_seconds per run more"
        ),
        _how_many_blocks(planned),
    ]
    if planned.shard:
        notes.insert(0, shards.told(planned.shard))
    notes[:0] = expansions(planned.suite)
    more = planned.suite.sampling.replaced_at_most(planned.blocks)
    if more:
        notes.append(
            f"up to {counted(more, 'block')} of each model more, for blocks in which others use "
            "the CPU"
        )
    if ratios > 1:
        needed = math.ceil(math.log2(2 * ratios / 0.05))
        notes.append(
            f"{ratios} ratios are estimated, each with its own unadjusted 95 % interval; "
            f"holding 5 % over all of them together (Holm) would take {needed} blocks or more"
        )
    return tuple(notes)
