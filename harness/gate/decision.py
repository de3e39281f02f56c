"""The decision of a night: every verdict, whether last good moves, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.counted import counted
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.gate.builds import Build, KeptNight, PartName
from harness.gate.environment import changes
from harness.gate.judging import Evidence, drift_of, judge_pairs
from harness.gate.observing import LATENCY, Summaries
from harness.gate.outcomes import (
    OUTCOME,
    drift_of_sizes,
    judge_nodes,
    judge_outcomes,
    judge_sizes,
)
from harness.gate.twins import Builds, Twins
from harness.model import Cell, Facts
from harness.selection import Selection
from harness.store.gate_record import RED, Drift, GateRecord, Judgement
from harness.suite.gate_keys import GateKeys
from harness.twin_names import is_twin

IDENTICAL = "the builds are identical"


@dataclass(frozen=True, slots=True)
class Night:
    """Everything that a decision follows from.

    `files` names a cell that runs each model file. Verdicts on `accepted` cells are meant, and
    count no more; `whole` tells that no cell of the suite was left out by a selection.
    """

    suite: str
    decided_utc: str
    found: Summaries
    before: KeptNight
    builds: Builds
    twins: Twins
    evidence: Evidence
    environment: Mapping[str, Facts]
    files: Mapping[PartName, Cell]
    keys: GateKeys
    accepted: Selection | None = None
    pins: bool = False
    whole: bool = True
    confirmation: str = ""


def decide(night: Night) -> GateRecord:
    """Judge a night; the record says that nothing moved yet, and why it must not, if so."""
    judged = tuple(_with_acceptance(each, night) for each in _judgements(night))
    drift = tuple(_drift(night))
    record = GateRecord(
        suite=night.suite,
        decided_utc=night.decided_utc,
        candidate=night.builds.candidate.sha256,
        last_good=night.builds.last_good.sha256,
        green=not any(each.verdict in RED for each in judged),
        moved=False,
        judgements=judged,
        environment=changes(night.before.environment, night.environment),
        drift=drift,
        max_drift=night.keys.max_drift,
        reference=night.builds.reference.sha256,
        confirmation=night.confirmation,
        virtual=virtual_targets(night.found),
    )
    return replace(record, why_not_moved="; ".join(_obstacles(record, night)))


def virtual_targets(found: Summaries) -> tuple[str, ...]:
    """Return the suite's own targets whose rows are of virtual devices."""
    return tuple(
        dict.fromkeys(
            cell.target
            for cell, summary in found.items()
            if summary.virtual and not is_twin(cell.target)
        )
    )


def _judgements(night: Night) -> Iterator[Judgement]:
    builds, found, before = night.builds, night.found, night.before
    for each in judge_outcomes(found, night.twins, before):
        # A cell that was left out by a selection is not missing.
        if night.whole or each.cell in found:
            yield each
    yield from _alone(night)
    yield from judge_pairs(night.evidence)
    yield from judge_sizes(night.files, builds.candidate, builds.last_good, night.keys)
    yield from judge_nodes(found, night.twins, before, night.keys.nodes_delegated)


def _alone(night: Night) -> Iterator[Judgement]:
    """Tell which cells are older than what they run now; of new cells that was told already."""
    known = night.before.noted
    for cell, lacking in night.twins.alone.items():
        if cell in known and cell in night.found:
            why = f"the last good build has nothing to stand beside: {lacking}"
            yield Judgement(cell, LATENCY, "not judged", why=why)


def _with_acceptance(judged: Judgement, night: Night) -> Judgement:
    if judged.verdict not in RED or not _accepted(judged.cell, night):
        return judged
    why = f"accepted: {judged.verdict}" + (f" ({judged.why})" if judged.why else "")
    return replace(judged, verdict="not judged", why=why)


def _drift(night: Night) -> Iterator[Drift]:
    sizes = drift_of_sizes(night.files, night.builds.candidate, night.builds.reference, night.keys)
    for each in (*drift_of(night.evidence), *sizes):
        meant = night.pins or _accepted(each.cell, night)
        yield replace(each, exceeds=False, confirmed=False) if meant else each


def _accepted(cell: Cell, night: Night) -> bool:
    return night.accepted is not None and night.accepted.admits(cell)


def _obstacles(record: GateRecord, night: Night) -> Iterator[str]:
    """Tell why the candidate must not become the last good build."""
    red = [each for each in record.judgements if each.verdict in RED]
    if red:
        yield f"{counted(len(red), 'verdict')} of it {'is' if len(red) == 1 else 'are'} red"
    far = [each for each in record.drift if each.exceeds]
    if far:
        worst = max(far, key=lambda each: each.change)
        yield (
            f"{counted(len(far), 'thing')} drifted too far from the pinned reference, the "
            f"{worst.what} of {worst.cell.label} by {100 * worst.change:+.1f} % "
            f"(bound {100 * (worst.bound or 0):g} %)"
        )
    lost = lost_to_the_environment(record)
    if lost:
        yield f"{counted(lost, 'cell')} could not be measured, with either build"
    if night.evidence.unsettled:
        yield f"{counted(len(night.evidence.unsettled), 'flagged thing')} could not be confirmed"
    if not night.whole:
        yield "only some cells were measured (--only)"
    if record.candidate == record.last_good:
        yield IDENTICAL


def lost_to_the_environment(record: GateRecord) -> int:
    """Count the cells that were measured at last good and that neither build gave tonight."""
    return sum(
        each.what == OUTCOME and each.verdict == "environment changed" for each in record.judgements
    )


def exit_code(record: GateRecord) -> int:
    """Return 1 for a red verdict, a cell that is lost, or a proved drift; else 0."""
    proved = any(each.confirmed for each in record.drift)
    bad = not record.green or proved or lost_to_the_environment(record) > 0
    return EXIT_FINDINGS if bad else EXIT_OK


def next_reference(
    reference: Build, candidate: Build, accepted: frozenset[PartName], *, pins: bool
) -> Build:
    """Return the reference after the candidate became the last good build.

    It stays as it is, but for parts that are new, or that belong to accepted cells.
    """
    if pins:
        return candidate
    meant = {name: candidate.parts[name] for name in accepted if name in candidate.parts}
    return Build({**candidate.parts, **reference.parts, **meant})
