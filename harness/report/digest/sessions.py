"""From a result folder, its gate's record and earlier sessions to what a person is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import CompareError
from harness.model import Cell, Measured, ResultFolder, RunResult
from harness.report.digest.changes import changes_of_gate, changes_since
from harness.report.digest.devices import devices_seen
from harness.report.digest.findings import run_findings
from harness.report.digest.gate_findings import gate_findings, verdicts_of, weighed
from harness.report.digest.lanes import lane_hours
from harness.report.digest.values import DeviceSeen, Finding, SessionDigest
from harness.report.summary import CellSummary, latest_attempts, summarise
from harness.store.gate_record import GateRecord
from harness.twin_names import is_twin


def digest_session(
    folder: ResultFolder,
    gate: GateRecord | None,
    earlier: Sequence[ResultFolder],
    confirming: Sequence[RunResult] = (),
) -> SessionDigest:
    """Return the digest of one session.

    `earlier` are sessions of the same suite that began before it, the newest first; `confirming`
    are runs that the gate made for its decision, whose hours count.
    """
    latest = latest_attempts(folder.runs)
    devices = devices_seen(folder, latest, earlier)
    cells, found = _summarised(folder, devices, decided=gate is not None)
    troubled = _told(found)
    if gate is not None:
        found = _with_gate(gate, folder.path, found)
    session = folder.session
    planned = dict.fromkeys((*session.cells, *(run.cell for run in latest)))
    own = frozenset(cell for cell in planned if not is_twin(cell.target))
    return SessionDigest(
        suite=session.suite,
        folder=folder.path,
        label=session.label,
        started_utc=session.started_utc,
        cells=len(own),
        complete=len(own & _with_numbers(cells, latest) - troubled),
        runs=len(latest),
        measured=sum(isinstance(run.outcome, Measured) for run in latest),
        verdicts=None if gate is None else verdicts_of(gate),
        devices=devices,
        findings=found,
        lanes=lane_hours((*folder.runs, *confirming)),
        changes=(
            *(() if gate is None else changes_of_gate(gate.environment)),
            *changes_since(folder, earlier),
        ),
        compared_with=earlier[0].path if earlier else "",
        compared_with_started_utc=earlier[0].session.started_utc if earlier else "",
    )


def _summarised(
    folder: ResultFolder, devices: Sequence[DeviceSeen], *, decided: bool
) -> tuple[Sequence[CellSummary], tuple[Finding, ...]]:
    try:
        cells = summarise((folder,))
    except CompareError as error:
        finding = Finding(
            trouble="not comparable",
            red=True,
            target="",
            cells=(),
            runs=0,
            why=str(error),
            next_step=error.hint,
        )
        return (), (finding,)
    return cells, run_findings(folder, cells, devices, decided=decided)


def _with_gate(gate: GateRecord, folder: str, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    found = weighed(found, gate)
    every = (*gate_findings(gate, folder, _told(found)), *found)
    return tuple(sorted(every, key=lambda finding: not finding.red))


def _told(found: Sequence[Finding]) -> frozenset[Cell]:
    """Return the cells that something red is told of."""
    return frozenset(cell for finding in found if finding.red for cell in finding.cells)


def _with_numbers(cells: Sequence[CellSummary], latest: Sequence[RunResult]) -> frozenset[Cell]:
    if cells:
        return frozenset(
            cell.cell for cell in cells if any(each.measured for each in cell.passes.values())
        )
    return frozenset(run.cell for run in latest if isinstance(run.outcome, Measured))
