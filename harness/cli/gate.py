"""`edgebench gate SUITE --against last-good`: measure beside it, judge, and move it."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness import plan, store
from harness.cli import say
from harness.cli.finish import concluded
from harness.cli.folders import say_where
from harness.cli.gate_session import Gate, check_accepted, confirming, kept_for, load_suite, ready
from harness.cli.plan import until_of
from harness.cli.printing import print_tables
from harness.cli.run import Begun, begin, exit_code, make_runs, measure_prepared
from harness.counted import counted
from harness.errors import EXIT_INTERRUPTED, StoreError
from harness.gate import decision
from harness.gate.builds import KeptNight
from harness.gate.decision import IDENTICAL, Night, decide, next_reference
from harness.gate.environment import environment_of
from harness.gate.judging import Evidence, flagged
from harness.gate.observing import Key, Pairs, Summaries, pairs_of
from harness.gate.outcomes import noted_cells
from harness.gate.tables import gate_tables
from harness.model import Measured, ResultFolder
from harness.plugins import registry
from harness.progress import display
from harness.report.summary import summarise
from harness.selection import Selection
from harness.store.gate_record import (
    GATE,
    GateRecord,
    gate_to_bytes,
    read_gate,
    read_gate_as_written,
)

CONFIRMATION = "confirmation"
SESSION = "gate-session.json"
PENDING = "the gate ended before it moved last good: go on with --resume"
"""Why last good did not move, until it has."""


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code.

    1: a cell regressed, newly fails or is missing, or drifted too far from the reference.
    """
    registry("formats").get(arguments.format or "terminal")
    decided = _decided(arguments.resume)
    if decided is not None:
        return _tell(arguments, arguments.resume, decided)
    suite = load_suite(arguments)
    with kept_for(suite, arguments).locked():
        gate = ready(suite, arguments)
        if accepted := _accepted(arguments):
            check_accepted(gate, accepted)
        if _was_moving(arguments.resume, gate.last_good) and gate.last_good is not None:
            _pin(arguments, gate, gate.last_good)
            return _tell(arguments, arguments.resume, _mark_as_moved(arguments.resume))
        return _gate(arguments, gate)


def _decided(folder: Path | None) -> GateRecord | None:
    """Return the decision of a session that has nothing left to do."""
    record = read_gate(folder) if folder is not None else None
    return None if record is None or record.why_not_moved == PENDING else record


def _was_moving(folder: Path | None, last_good: KeptNight | None) -> bool:
    """Tell whether a session was killed after it had moved last good and before it said so."""
    record = read_gate_as_written(folder) if folder is not None else None
    if record is None or last_good is None:
        return False
    return record.why_not_moved == PENDING and record.candidate == last_good.build.sha256


def _gate(arguments: argparse.Namespace, gate: Gate) -> int:
    gate.kept.stage(gate.collected)
    say(_what_is_compared(gate))
    begun = _begun(arguments, gate)
    return concluded(
        gate.planned.suite, begun.writer.path, lambda: _session(arguments, gate, begun)
    )


def _session(arguments: argparse.Namespace, gate: Gate, begun: Begun) -> int:
    # Known before it begins: afterwards the same time of day is tomorrow's.
    ends = until_of(arguments, gate.planned)
    with display(arguments.progress) as emit:
        folder, finished = make_runs(arguments, begun, gate.prepared, emit)
    path = Path(folder.path)
    if not finished:
        return _interrupted(arguments, path)
    found = _by_cell(folder)
    if gate.last_good is None:
        return _first_night(arguments, gate, folder, found)
    screened = pairs_of(found, gate.twins, gate.planned.suite.gate)
    again = flagged(screened)
    fresh: Mapping[Key, Pairs] | None = None
    if again and (ends is None or datetime.now(UTC) < ends):
        confirmation, finished = _confirm(arguments, gate, path, again)
        if not finished:
            return _interrupted(arguments, path)
        fresh = pairs_of(_by_cell(confirmation), gate.twins, gate.planned.suite.gate)
    night = _night(arguments, gate, folder, found, Evidence(screened, again, fresh))
    return _tell(arguments, path, _conclude(arguments, gate, night, path))


def _what_is_compared(gate: Gate) -> str:
    if gate.last_good is None:
        return "gate: there is no last good build yet: tonight's is measured and kept as it"
    if not gate.twins.runs:
        same = gate.builds.candidate.sha256 == gate.builds.last_good.sha256
        told = IDENTICAL if same else "no cell that last good has runs another build"
        return f"gate: {told}: each cell is measured once (--anyway measures both)"
    beside = gate.twins.of["last good"]
    more = {*gate.twins.of["reference"].values()} - {*beside.values()}
    told = f"gate: {counted(len(beside), 'cell')} beside the last good build"
    return told + (f", {len(more)} of them beside the pinned reference too" if more else "")


def _begun(arguments: argparse.Namespace, gate: Gate) -> Begun:
    """Begin the session of a night, or take it up again with the same builds."""
    if arguments.resume is not None:
        _check_same_builds(arguments.resume, gate)
    begun = begin(arguments, gate.planned, gate.prepared)
    if arguments.resume is None:
        text = json.dumps(_compared(gate), indent=1).encode() + b"\n"
        store.write_atomically(begun.writer.path / SESSION, text)
    return begun


def _compared(gate: Gate) -> dict[str, str]:
    return {
        "candidate": gate.collected.build.sha256,
        "last_good": gate.last_good.build.sha256 if gate.last_good else "",
        "reference": gate.reference.build.sha256 if gate.reference else "",
    }


def _check_same_builds(folder: Path, gate: Gate) -> None:
    """Refuse to go on with other builds than those that the session began with."""
    try:
        before = json.loads((folder / SESSION).read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"this is not the folder of a gate that began: {SESSION} {error}",
            where=str(folder),
            hint="start a new gate without --resume",
        ) from error
    changed = [name for name, digest in _compared(gate).items() if before.get(name) != digest]
    if changed:
        raise StoreError(
            f"other builds stand here now than when this gate began: {', '.join(changed)}",
            where=str(folder),
            hint="start a new gate without --resume; what this one measured stays in its folder",
        )


def _confirm(
    arguments: argparse.Namespace, gate: Gate, path: Path, again: Sequence[Key]
) -> tuple[ResultFolder, bool]:
    below = path / CONFIRMATION
    begun = (below / "session.json").is_file()
    if not begun:
        # One that was killed while its folder was made has measured nothing.
        shutil.rmtree(below, ignore_errors=True)
    planned = confirming(gate, again)
    say(
        f"gate: {counted(len({cell for cell, _, _ in again}), 'cell')} flagged, measured again in "
        f"{planned.blocks} fresh blocks"
    )
    place = {"out": None, "resume": below} if begun else {"out": below, "resume": None}
    own = argparse.Namespace(**{**vars(arguments), **place})
    with display(arguments.progress) as emit:
        return measure_prepared(own, planned, gate.prepared, emit)


def _by_cell(folder: ResultFolder) -> Summaries:
    return {summary.cell: summary for summary in summarise([folder])}


def _night(
    arguments: argparse.Namespace,
    gate: Gate,
    folder: ResultFolder,
    found: Summaries,
    evidence: Evidence,
) -> Night:
    assert gate.last_good is not None
    return Night(
        suite=gate.planned.suite.name,
        decided_utc=_now(),
        found=found,
        before=gate.last_good,
        builds=gate.builds,
        twins=gate.twins,
        evidence=evidence,
        environment=environment_of(found, folder.session, gate.collected.build),
        files=gate.files,
        keys=gate.planned.suite.gate,
        accepted=_accepted(arguments),
        pins=arguments.pin_reference,
        whole=gate.is_whole(folder.session.cells),
        confirmation=CONFIRMATION if evidence.fresh is not None else "",
    )


def _conclude(arguments: argparse.Namespace, gate: Gate, night: Night, path: Path) -> GateRecord:
    """Write the decision, move last good where nothing is in the way, and say that it moved."""
    record = decide(night)
    tonight = KeptNight(
        suite=night.suite,
        kept_utc=night.decided_utc,
        folder=path.name,
        build=gate.collected.build,
        cells=noted_cells(night.found),
        environment=night.environment,
    )
    if record.why_not_moved:
        _write(path, record)
        if record.green and record.why_not_moved == IDENTICAL:
            # The build stays; what its night noted is tonight's.
            gate.kept.keep(tonight)
            _pin(arguments, gate, tonight)
        gate.kept.prune()
        return record
    _write(path, replace(record, why_not_moved=PENDING))
    # Before anything moves, the build that drift is measured from has a file of its own.
    assert gate.reference is not None
    gate.kept.pin(gate.reference)
    gate.kept.keep(tonight)
    _pin(arguments, gate, tonight)
    gate.kept.prune()
    return _mark_as_moved(path)


def _pin(arguments: argparse.Namespace, gate: Gate, tonight: KeptNight) -> None:
    """Let the reference follow where a person said so, and where it has nothing yet."""
    assert gate.reference is not None
    accepted = _accepted(arguments)
    meant = gate.parts_of_cells(accepted) if accepted else frozenset()
    before = gate.reference.build
    pinned = next_reference(before, tonight.build, meant, pins=arguments.pin_reference)
    if pinned.sha256 != before.sha256:
        gate.kept.pin(replace(tonight, build=pinned))


def _accepted(arguments: argparse.Namespace) -> Selection | None:
    return plan.parse_selection(arguments.accept) if arguments.accept else None


def _first_night(
    arguments: argparse.Namespace, gate: Gate, folder: ResultFolder, found: Summaries
) -> int:
    path = Path(folder.path)
    measured = any(isinstance(run.outcome, Measured) for run in folder.runs)
    whole = gate.is_whole(folder.session.cells)
    record = GateRecord(
        suite=gate.planned.suite.name,
        decided_utc=_now(),
        candidate=gate.collected.build.sha256,
        last_good="",
        green=True,
        moved=False,
        why_not_moved=PENDING,
        max_drift=gate.planned.suite.gate.max_drift,
        first_night=True,
        virtual=decision.virtual_targets(found),
    )
    if not measured or not whole:
        why = "nothing was measured" if whole else "only some cells were measured (--only)"
        record = replace(record, why_not_moved=why)
        _write(path, record)
        gate.kept.prune()
        _tell(arguments, path, record)
        return exit_code(folder)
    _write(path, record)
    gate.kept.keep(
        KeptNight(
            suite=record.suite,
            kept_utc=record.decided_utc,
            folder=path.name,
            build=gate.collected.build,
            cells=noted_cells(found),
            environment=environment_of(found, folder.session, gate.collected.build),
        )
    )
    gate.kept.prune()
    _tell(arguments, path, _mark_as_moved(path))
    return exit_code(folder)


def _mark_as_moved(path: Path) -> GateRecord:
    record = read_gate_as_written(path)
    assert record is not None
    moved = replace(record, moved=True, why_not_moved="")
    _write(path, moved)
    return moved


def _write(path: Path, record: GateRecord) -> None:
    try:
        store.write_atomically(path / GATE, gate_to_bytes(record))
    except OSError as error:
        raise StoreError(
            f"the decision cannot be written: {error.strerror}",
            where=str(path),
            hint="free some space, then go on with --resume: everything measured is kept",
        ) from error


def _tell(arguments: argparse.Namespace, path: Path, record: GateRecord) -> int:
    print_tables(gate_tables(record), arguments.format)
    say_where(path, arguments.format)
    return decision.exit_code(record)


def _interrupted(arguments: argparse.Namespace, path: Path) -> int:
    say(f"results: {path}")
    say(f"to go on: edgebench gate {arguments.suite} --resume {path}")
    return EXIT_INTERRUPTED


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
