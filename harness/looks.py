"""How many blocks each model gets where a suite asks for a precision; pure.

Blocks are counted per place: a model on a bench, or all models together where they share blocks.
The places of a bench go from look to look side by side, and each stops at the first look at
which its intervals are narrow enough (`harness.statistics.sequential`), or where the bench's
budget is spent. A look counts the planned blocks up to it, with those that failures added and
disturbances replaced among them.

All of it follows from the stored runs, so a session that is resumed, and a report, find the
same looks and the same decisions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from harness.disturbances import (
    Place,
    Replacing,
    block_of,
    how_replaced,
    replaced_blocks,
    replacements_due,
    replacing_runs,
)
from harness.model import Cell, RunResult, SessionRecord, Skipped
from harness.paired_runs import (
    SAME_FOR_A_RATIO,
    Pair,
    common_statistic,
    compared_pairs,
    differing_settings,
    log_ratios,
    measured_runs,
    usable_value,
)
from harness.plan import Lane, PlannedRun
from harness.retries import Group, added_runs, blocks_due, group_of
from harness.statistics.sequential import NOTHING_SEEN, Seen, look

State: TypeAlias = Literal["sampling", "reached", "not reached", "budget spent"]
"""Whether blocks are still to come; if not, why there are no more."""

_Key: TypeAlias = Pair | Cell


@dataclass(frozen=True, slots=True)
class Looking:
    """How a session looks: at which numbers of blocks, for what, and until when.

    `cells` are those of each place, `ratios` target → variants that are compared, `pauses_s`
    target → the pause before each of its runs. At most `added_blocks` are added after failures.
    """

    looks: tuple[int, ...]
    precision: float
    budget_s: float | None
    cells: Mapping[Place, tuple[Cell, ...]]
    ratios: Mapping[str, tuple[tuple[str, str], ...]]
    base_model: str | None
    pauses_s: Mapping[str, float]
    added_blocks: int
    replacing: Replacing

    @property
    def most(self) -> int:
        """Return the number of the last planned block."""
        return self.looks[-1]

    def replaced_at_most(self, blocks: int) -> int:
        """Return how many disturbed blocks are replaced among so many: a third, at the most."""
        return min(self.replacing.most, blocks // 3)


def how_looked(session: SessionRecord, benches: Mapping[str, str]) -> Looking | None:
    """Return how a session looks, None if its number of blocks was fixed.

    `benches` is target → bench where it is known better than when the session began, which may
    have been without its phone.
    """
    if session.precision is None:
        return None
    replacing = how_replaced(session)
    bench_of = {target.name: target.bench for target in session.targets} | dict(benches)
    cells: dict[Place, tuple[Cell, ...]] = {}
    for cell in session.cells:
        place = replacing.place(bench_of[cell.target], cell.model)
        cells[place] = (*cells.get(place, ()), cell)
    return Looking(
        looks=session.looks,
        precision=session.precision,
        budget_s=session.budget_s,
        cells=cells,
        ratios={target.name: target.ratios for target in session.targets},
        base_model=session.base_model,
        pauses_s={target.name: target.cooldown_s for target in session.targets},
        added_blocks=session.added_blocks,
        replacing=replacing,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the sampling of a place is.

    `planned` is the number of blocks that it shall have as things stand, `looked` how many the
    last look counted (0 before the first), `seen` what that look saw.
    """

    state: State
    planned: int
    looked: int = 0
    seen: Seen = NOTHING_SEEN


@dataclass(frozen=True, slots=True)
class Due:
    """The latency runs that standings call for, made or not: why each is there."""

    planned: tuple[PlannedRun, ...]
    added: tuple[PlannedRun, ...]
    replacing: tuple[PlannedRun, ...]


def standings(runs: Iterable[RunResult], how: Looking, bench: str) -> Mapping[Place, Standing]:
    """Tell how far each place of a bench is, from the runs that were made or tried."""
    runs_of = _runs_of_places(runs, how, bench)
    found = dict.fromkeys(runs_of, Standing("sampling", how.looks[0]))
    before: dict[Place, Mapping[_Key, int]] = {}
    for blocks, following in zip(how.looks, (*how.looks[1:], None), strict=True):
        going = [place for place, standing in found.items() if standing.state == "sampling"]
        waiting = False
        for place in going:
            reached = _reach(place, blocks, runs_of[place], how)
            if not _is_complete(place, blocks, reached, how):
                waiting = True
                continue
            series = _series(place, reached.runs, how)
            seen = look(series, before.get(place, {}))
            before[place] = {key: len(values) for key, values in series.items()}
            enough = seen.is_enough(how.precision)
            found[place] = Standing("reached" if enough else "sampling", blocks, blocks, seen)
        if waiting:
            # The others of the bench wait for these: their blocks take turns, look by look.
            break
        found |= _after_look(found, _spent_s(found, runs_of, how), how, following)
    return found


def _runs_of_places(
    runs: Iterable[RunResult], how: Looking, bench: str
) -> Mapping[Place, Sequence[RunResult]]:
    """Return the latest attempts at the latency runs of each place of a bench."""
    latest = {(run.cell, run.block): run for run in runs if run.pass_ == "latency"}
    runs_of: dict[Place, list[RunResult]] = {place: [] for place in how.cells if place[0] == bench}
    for run in latest.values():
        if (place := _place_of(run, how)) in runs_of:
            runs_of[place].append(run)
    return runs_of


def _after_look(
    found: Mapping[Place, Standing], spent_s: float, how: Looking, following: int | None
) -> Mapping[Place, Standing]:
    """Return what becomes of the places of a bench that have not enough yet."""
    going = {place: each for place, each in found.items() if each.state == "sampling"}
    if following is None:
        return {place: replace(each, state="not reached") for place, each in going.items()}
    if how.budget_s is not None and spent_s >= how.budget_s:
        return {place: replace(each, state="budget spent") for place, each in going.items()}
    return {place: replace(each, planned=following) for place, each in going.items()}


def runs_due(
    lane: Lane,
    found: Mapping[Place, Standing],
    runs: Sequence[RunResult],
    how: Looking,
    seed: int,
) -> Due:
    """Return the latency runs that a lane shall have as things stand, without order."""
    added: dict[Group, int] = {}
    replaced: dict[Place, int] = {}
    for place, standing in found.items():
        own = [run for run in runs if run.pass_ == "latency" and _place_of(run, how) == place]
        reached = _reach(place, standing.planned, own, how)
        added |= reached.added
        replaced[place] = reached.replaced
    return Due(
        tuple(
            run
            for run in lane.runs
            if run.pass_ == "latency" and run.block <= found[_place_of(run, how)].planned
        ),
        added_runs(lane.prototypes, added, seed, after=0),
        replacing_runs(lane.prototypes, replaced, seed, how.replacing),
    )


@dataclass(frozen=True, slots=True)
class _Reach:
    """The runs that belong to the first blocks of a place, with how many blocks beside them."""

    runs: tuple[RunResult, ...]
    added: Mapping[Group, int]
    replaced: int


def _reach(place: Place, blocks: int, runs: Sequence[RunResult], how: Looking) -> _Reach:
    """Return what belongs to the first `blocks` blocks of a place.

    A block that was added may fail, and one that replaces may be disturbed: each calls for
    another one, so they are taken in until no more are due.
    """
    reached = _Reach((), {}, 0)
    limit = {place: how.replaced_at_most(blocks)}
    while True:
        within = tuple(run for run in runs if _belongs(run, blocks, reached, how))
        added = blocks_due(within, how.added_blocks)
        replaced = replacements_due(within, how.replacing, limit).get(place, 0)
        if (added, replaced) == (reached.added, reached.replaced):
            return replace(reached, runs=within)
        reached = _Reach(within, added, replaced)


def _belongs(run: RunResult, blocks: int, reached: _Reach, how: Looking) -> bool:
    beyond = run.block - how.most
    if beyond <= 0:
        return run.block <= blocks
    if beyond <= how.replacing.spared:
        return beyond <= reached.added.get(group_of(run.cell, "latency"), 0)
    return beyond - how.replacing.spared <= reached.replaced


def _is_complete(place: Place, blocks: int, reached: _Reach, how: Looking) -> bool:
    """Tell whether every run of these blocks was tried, those of the blocks beside them too."""
    runs_of: dict[Cell, int] = {}
    for run in reached.runs:
        runs_of[run.cell] = runs_of.get(run.cell, 0) + 1
    return all(
        runs_of.get(cell, 0)
        == blocks + reached.added.get(group_of(cell, "latency"), 0) + reached.replaced
        for cell in how.cells[place]
    )


def _spent_s(
    found: Mapping[Place, Standing], runs_of: Mapping[Place, Sequence[RunResult]], how: Looking
) -> float:
    """Return the time that a bench's blocks have taken: runs with the pauses before them."""
    return math.fsum(
        run.duration_s + how.pauses_s.get(run.cell.target, 0.0)
        for place, standing in found.items()
        for run in _reach(place, standing.planned, runs_of[place], how).runs
        if not isinstance(run.outcome, Skipped)
    )


def _series(place: Place, runs: Sequence[RunResult], how: Looking) -> dict[_Key, list[float]]:
    """Return log ratios of all that is compared in a place, else the log times of its cells.

    What cannot be formed has no values.
    """
    aside = replaced_blocks(runs, how.replacing, how.most)
    counting = [r for r in measured_runs(runs) if block_of(r, how.replacing) not in aside]
    runs_of: dict[Cell, list[RunResult]] = {cell: [] for cell in how.cells[place]}
    groups: dict[tuple[str, str], list[RunResult]] = {}
    for run in counting:
        runs_of[run.cell].append(run)
        groups.setdefault((run.cell.model, run.cell.target), []).append(run)
    statistics = {group: common_statistic(own) for group, own in groups.items()}
    pairs = tuple(compared_pairs(how.cells[place], how.ratios, how.base_model))
    if pairs:
        return {pair: _log_ratios(pair, runs_of, statistics) for pair in pairs}
    return {
        cell: [math.log(time) for time in _times(own, statistics).values()]
        for cell, own in runs_of.items()
    }


def _log_ratios(
    pair: Pair,
    runs_of: Mapping[Cell, Sequence[RunResult]],
    statistics: Mapping[tuple[str, str], str],
) -> list[float]:
    above, below = runs_of[pair.above], runs_of[pair.below]
    if not above or not below:
        return []
    same = [fact for fact in SAME_FOR_A_RATIO if fact not in pair.may_differ]
    one, other = (statistics[cell.model, cell.target] for cell in (pair.above, pair.below))
    if one != other or differing_settings(above[0].setting, below[0].setting, same):
        return []
    return log_ratios(_times(above, statistics), _times(below, statistics))


def _times(
    runs: Sequence[RunResult], statistics: Mapping[tuple[str, str], str]
) -> dict[tuple[str, int], float]:
    return {
        (run.bench, run.block): time
        for run in runs
        if (time := usable_value(run, statistics[run.cell.model, run.cell.target])) is not None
    }


def _place_of(run: RunResult | PlannedRun, how: Looking) -> Place:
    return how.replacing.place(run.bench, run.cell.model)
