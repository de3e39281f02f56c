"""What a gate measures: the suite's own runs, and those of kept builds beside them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import plan, store
from harness.cli.placing import placed
from harness.cli.run import Prepared, prepare
from harness.errors import SuiteError
from harness.gate.builds import KeptNight, PartName, model_part
from harness.gate.collecting import Collected, collect
from harness.gate.last_good import LastGood
from harness.gate.marked_builds import refuse_marked
from harness.gate.observing import LATENCY, Key
from harness.gate.twins import Builds, Twins, parts_of, refuse_names_of_twins, twins_of
from harness.model import Cell
from harness.plan import Plan, PlannedRun
from harness.plugins import Driver, driver
from harness.statistics.screening import reach
from harness.suite.load import load
from harness.suite.values import Suite, Target


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that is ready to measure; `last_good` and `reference` are None before the first."""

    kept: LastGood
    planned: Plan
    prepared: Prepared
    collected: Collected
    last_good: KeptNight | None
    reference: KeptNight | None
    twins: Twins = field(default_factory=Twins)

    @property
    def builds(self) -> Builds:
        """The builds that are compared; before the first night all are tonight's."""
        own = self.collected.build
        return Builds(
            candidate=own,
            last_good=self.last_good.build if self.last_good else own,
            reference=self.reference.build if self.reference else own,
        )

    def is_whole(self, cells: Iterable[Cell]) -> bool:
        """Tell whether these are all cells of the suite, and none was left out by a selection."""
        every = plan.cell_runs(self.planned.suite, self.prepared.drivers)
        return {run.cell for run in every} <= {*cells}

    @property
    def files(self) -> Mapping[PartName, Cell]:
        """A cell that runs each model file."""
        files: dict[PartName, Cell] = {}
        for run in _own(self.planned):
            format_ = self.prepared.drivers[run.target.driver].model_format
            files.setdefault(model_part(run.model.key, format_), run.cell)
        return files

    def parts_of_cells(self, selection: plan.Selection) -> frozenset[PartName]:
        """Return the parts that the selected cells run."""
        return frozenset(
            name
            for run in _own(self.planned)
            if selection.admits(run.cell)
            for name in parts_of(
                run, self.prepared.drivers[run.target.driver].model_format, self.collected.build
            )
        )


def check_accepted(gate: Gate, accepted: plan.Selection) -> None:
    """Refuse an `--accept` that is about no cell; raises `SuiteError`."""
    before = gate.last_good.cells if gate.last_good else ()
    known = {*(run.cell for run in _own(gate.planned)), *(noted.cell for noted in before)}
    if not any(map(accepted.admits, known)):
        raise SuiteError(
            "--accept names no cell of this suite, and none that last good has",
            hint=f"the cells are: {', '.join(sorted(cell.label for cell in known))}",
        )


def _own(planned: Plan) -> list[PlannedRun]:
    twins = {twin.cell for twin in planned.twins}
    return [run for run in planned.runs if run.cell not in twins]


def kept_for(suite: Suite, arguments: argparse.Namespace) -> LastGood:
    """Return the folder of a suite's kept builds: `--kept`, else the one beside its results."""
    given: Path | None = getattr(arguments, "kept", None)
    return LastGood(given or Path("results") / suite.name / "last-good")


def load_suite(arguments: argparse.Namespace) -> Suite:
    """Load the suite that is named, placed on phones.

    Raises:
        SuiteError: it has mistakes, or names of its own that the gate needs.
    """
    resumed = getattr(arguments, "resume", None)
    if resumed and (arguments.only or arguments.blocks is not None or arguments.seed is not None):
        raise SuiteError(
            "--resume makes the runs that the session still lacks",
            hint="leave --only, --blocks and --seed away: the session knows its own",
        )
    if getattr(arguments, "shard", None):
        raise SuiteError(
            "a gate is not divided over machines: its verdicts are about all cells of a night",
            hint="leave --shard away, or give each machine a suite of its own",
        )
    suite = placed(load(arguments.suite), arguments)
    refuse_names_of_twins(suite)
    return suite


def ready(suite: Suite, arguments: argparse.Namespace) -> Gate:
    """Fetch and hash tonight's build, and plan it beside those that were kept.

    Raises:
        HarnessError: something of either build cannot be had.
    """
    kept = kept_for(suite, arguments)
    drivers = {target.driver: driver(target.driver) for target in suite.targets}
    alone = _planned(suite, drivers, arguments)
    if getattr(arguments, "resume", None) is not None:
        # What a selection left out when it began is no part of its build either.
        alone = plan.of_cells(alone, store.read_session(arguments.resume).cells)
    prepared = prepare(alone)
    collected = collect(suite.models, drivers, prepared.models, prepared.tools)
    gate = Gate(
        kept=kept,
        planned=alone,
        prepared=prepared,
        collected=collected,
        last_good=kept.read(),
        reference=kept.read_reference(),
    )
    if gate.last_good is None:
        return gate
    for night in (gate.last_good, gate.reference):
        if night is not None:
            kept.check(night.build)
            refuse_marked(night, kept.root)
    own = plan.cell_runs(suite, drivers)
    twins = twins_of(own, drivers, gate.builds, kept.folder, anyway=arguments.anyway)
    return replace(
        gate,
        planned=_planned(suite, drivers, arguments, twins.runs),
        prepared=replace(prepared, models={**prepared.models, **twins.models}),
        twins=twins,
    )


def _planned(
    suite: Suite,
    drivers: Mapping[str, Driver],
    arguments: argparse.Namespace,
    twins: Sequence[PlannedRun] = (),
) -> Plan:
    blocks = suite.gate.blocks if arguments.blocks is None else arguments.blocks
    only = plan.parse_selection(arguments.only)
    return plan.make(suite, drivers, blocks=blocks, seed=arguments.seed, only=only, twins=twins)


def confirming(gate: Gate, flagged: Sequence[Key]) -> Plan:
    """Return the plan of fresh blocks for the flagged cells and their twins alone."""
    suite = gate.planned.suite
    keys = suite.gate
    cells = {cell for cell, _, _ in flagged}
    # The more is flagged, the more blocks Holm's rule needs before any of it can be confirmed.
    blocks = max(keys.confirm_blocks, reach(len(flagged)))
    rounds = blocks if any(what != LATENCY for _, what, _ in flagged) else 0

    def plainly(target: Target) -> Target:
        update = {"memory_runs": rounds, "profile": None, "sustained": None}
        return replace(target, sampling=target.sampling.model_copy(update=update))

    plain = replace(
        suite,
        targets=tuple(map(plainly, suite.targets)),
        models=tuple(replace(model, evaluate=None) for model in suite.models),
    )
    twins = tuple(
        replace(twin, target=plainly(twin.target))
        for twin in gate.planned.twins
        if plan.own_cell(twin.cell) in cells
    )
    whole = plan.make(
        plain,
        gate.prepared.drivers,
        blocks=blocks,
        # Another order than screening's, and as much on record.
        seed=gate.planned.seed + 1,
        twins=twins,
    )
    chosen = plan.of_cells(whole, {*cells, *(twin.cell for twin in twins)})
    # Lanes without a flagged cell are left out.
    return plan.without(chosen, ())
