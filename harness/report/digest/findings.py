"""What is wrong in a session's runs, each with one next step; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from harness.counted import counted
from harness.disturbances import DISTURBED, block_of, how_replaced
from harness.model import Cell, Failed, Failure, Measured, ResultFolder, RunResult, Skipped
from harness.report import outcome_words
from harness.report.cell_ratios import MARKED, verdict_of
from harness.report.digest.devices import GIVEN_UP, why_away
from harness.report.digest.values import DeviceSeen, Finding, Trouble
from harness.report.summary import CellSummary, PassSummary
from harness.retries import failed_for_good
from harness.store.marks import MARKED_INVALID

_INVALID = frozenset({"conditions-invalid", "conditions-refused", MARKED_INVALID})
_MEASURING = frozenset({"run", "serve", "gate"})
_AFTER_MARKED: Mapping[str, str] = {
    "throttled": "let the phone cool longer: a longer `cooldown_s` in `sampling:`, or `wait_s` in "
    "the target's `conditions:`",
    "noisy": "end what else runs on the phone, or charge it; `otherwise: refuse` in the target's "
    "`conditions:` measures nothing meanwhile",
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Runs of one target that gave no numbers for one class of reason."""

    target: str
    trouble: Trouble
    red: bool
    kind: str


def run_findings(
    folder: ResultFolder,
    cells: Sequence[CellSummary],
    devices: Sequence[DeviceSeen],
    *,
    decided: bool = False,
) -> tuple[Finding, ...]:
    """Return what is wrong with devices and runs, the red things first.

    A gate that has `decided` on a session does not go on with it.
    """
    again = _again(folder, decided=decided)
    latest = tuple(run for cell in cells for each in cell.passes.values() for run in each.runs)
    found = (
        *_devices(latest, devices, again),
        *_without_numbers(folder, cells, devices),
        *_never_made(cells, again),
        *_marked(cells),
        *_disturbed(cells),
        *_without_value(cells),
    )
    if not any(finding.red for finding in found):
        found = (*found, *_nothing_measured(latest))
    return tuple(sorted(found, key=lambda finding: not finding.red))


def _nothing_measured(latest: Sequence[RunResult]) -> Iterator[Finding]:
    """Tell of a session in which every run was declared to be skipped."""
    if latest and not any(isinstance(run.outcome, Measured) for run in latest):
        yield Finding(
            trouble="nothing measured",
            red=True,
            target="",
            cells=tuple(dict.fromkeys(run.cell for run in latest)),
            runs=len(latest),
            why="every run was skipped, as suite and drivers declare",
            next_step="measure where the variants of this suite are supported, or change them",
        )


def _devices(
    latest: Sequence[RunResult], devices: Sequence[DeviceSeen], again: str
) -> Iterator[Finding]:
    for device in devices:
        own = [run for run in latest if run.cell.target == device.target]
        if device.state == "gone":
            yield Finding(
                trouble="device gone",
                red=False,
                target=device.target,
                cells=(),
                runs=0,
                why=device.why,
                next_step="add it to the suite or to devices.yaml again, unless this was meant",
            )
        reason = why_away(own)
        if device.state not in {"missing", "lost"} or reason is None:
            continue
        touched = [run for run in own if _is_of(run, reason.kind, device.state)]
        yield Finding(
            trouble="device missing" if device.state == "missing" else "device lost",
            red=True,
            target=device.target,
            cells=tuple(dict.fromkeys(run.cell for run in touched)),
            runs=len(touched),
            why=device.why,
            next_step=_then(reason.hint, again),
        )


def _is_of(run: RunResult, kind: str, state: str) -> bool:
    """Tell whether a device that was away is what a run without numbers is told by."""
    outcome = run.outcome
    if isinstance(outcome, Measured) or (isinstance(outcome, Skipped) and outcome.expected):
        return False
    return outcome.failure.kind == kind or (state == "lost" and outcome.failure.kind in GIVEN_UP)


def _again(folder: ResultFolder, *, decided: bool) -> str:
    """Say how what is missing gets measured; only the name of the suite is not known."""
    if decided:
        return "measure again: edgebench gate SUITE"
    verb = next((word for word in folder.session.command[1:2] if word in _MEASURING), "run")
    return f"make the missing runs: edgebench {verb} SUITE --resume {quote(folder.path)}"


def _then(hint: str, again: str) -> str:
    return hint if "--resume" in hint else f"{hint}; then {again}"


def _without_numbers(
    folder: ResultFolder, cells: Sequence[CellSummary], devices: Sequence[DeviceSeen]
) -> Iterator[Finding]:
    away = {device.target: device.state for device in devices}
    groups: dict[_Kind, list[tuple[Cell, Failure]]] = {}
    for cell in cells:
        for each in cell.passes.values():
            own = _kinds(cell, each, away.get(cell.cell.target, ""), folder)
            for kind, failures in own.items():
                groups.setdefault(kind, []).extend((cell.cell, failure) for failure in failures)
    for kind, members in groups.items():
        failure = Counter(failure for _, failure in members).most_common(1)[0][0]
        yield Finding(
            trouble=kind.trouble,
            red=kind.red,
            target=kind.target,
            cells=tuple(dict.fromkeys(cell for cell, _ in members)),
            runs=len(members),
            why=outcome_words.why(failure),
            next_step=failure.hint,
        )


def _kinds(
    cell: CellSummary, one_pass: PassSummary, state: str, folder: ResultFolder
) -> dict[_Kind, list[Failure]]:
    """Return the failures of a pass that no missing device explains, by their class."""
    reason = why_away(one_pass.runs) if state in {"missing", "lost"} else None
    for_good = failed_for_good(one_pass.runs, folder.session.added_blocks)
    found: dict[_Kind, list[Failure]] = {}
    for run in one_pass.troubled:
        outcome = run.outcome
        assert isinstance(outcome, Failed | Skipped)
        explained = reason is not None and _is_of(run, reason.kind, state)
        if explained or (isinstance(outcome, Skipped) and outcome.expected):
            continue
        trouble = _trouble(outcome, for_good=for_good)
        kind = _Kind(cell.cell.target, trouble, trouble != "made up for", outcome.failure.kind)
        found.setdefault(kind, []).append(outcome.failure)
    return found


def _trouble(outcome: Failed | Skipped, *, for_good: bool) -> Trouble:
    if isinstance(outcome, Skipped):
        return "skipped"
    if not for_good:
        return "made up for"
    return "invalid" if outcome.failure.kind in _INVALID else "failed"


def _never_made(cells: Sequence[CellSummary], again: str) -> Iterator[Finding]:
    lacking = [
        (cell.cell, one_pass.missing)
        for cell in cells
        for one_pass in cell.passes.values()
        if one_pass.missing
    ]
    if lacking:
        yield Finding(
            trouble="not run",
            red=True,
            target="",
            cells=tuple(dict.fromkeys(cell for cell, _ in lacking)),
            runs=sum(missing for _, missing in lacking),
            why="the session was interrupted, or is still under way",
            next_step=again,
        )


def _marked(cells: Sequence[CellSummary]) -> Iterator[Finding]:
    runs: dict[tuple[str, str], list[RunResult]] = {}
    for cell in cells:
        for one_pass in cell.passes.values():
            for run in one_pass.measured:
                if (word := verdict_of(run)) in MARKED:
                    runs.setdefault((word, run.cell.target), []).append(run)
    for (word, target), own in runs.items():
        reasons = Counter(str(run.conditions.get("verdict_reason") or "") for run in own)
        yield Finding(
            trouble="throttled" if word == "throttled" else "noisy",
            red=False,
            target=target,
            cells=tuple(dict.fromkeys(run.cell for run in own)),
            runs=len(own),
            why=reasons.most_common(1)[0][0],
            next_step=_AFTER_MARKED[word],
        )


def _disturbed(cells: Sequence[CellSummary]) -> Iterator[Finding]:
    runs = [
        run
        for cell in cells
        for run in cell.latency.measured
        if run.conditions.get(DISTURBED) is True
    ]
    if runs:
        how = how_replaced(cells[0].session)
        blocks = len({block_of(run, how) for run in runs})
        yield Finding(
            trouble="disturbed",
            red=False,
            target="",
            cells=tuple(dict.fromkeys(run.cell for run in runs)),
            runs=len(runs),
            why=f"others used the CPU in {counted(blocks, 'block')} that nothing replaced",
            next_step="end what else runs on this host at night, or raise `replace_disturbed`",
        )


def _without_value(cells: Sequence[CellSummary]) -> Iterator[Finding]:
    reasons: dict[tuple[str, str], list[CellSummary]] = {}
    for cell in cells:
        if cell.time_absent and cell.latency.measured:
            reasons.setdefault((cell.cell.target, cell.time_absent), []).append(cell)
    for (target, why), own in reasons.items():
        yield Finding(
            trouble="no value",
            red=False,
            target=target,
            cells=tuple(cell.cell for cell in own),
            runs=sum(len(cell.latency.measured) for cell in own),
            why=why,
            next_step=f"see what the runs said: {own[0].path}/raw",
        )
