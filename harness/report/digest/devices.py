"""Which of a session's targets were there: told from what became of their runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.model import (
    Failed,
    Failure,
    Measured,
    ResultFolder,
    RunResult,
    Skipped,
    TargetRecord,
)
from harness.report.digest.values import DeviceSeen, DeviceState
from harness.retries import AWAY
from harness.twin_names import is_twin

NOT_TRIED = frozenset({"time"})
"""Classes of skipped runs that say nothing about their target: the session's time was over."""
GIVEN_UP = AWAY | {"quarantined"}
"""Classes of failure that say that a target went away."""


def devices_seen(
    folder: ResultFolder, latest: Sequence[RunResult], earlier: Sequence[ResultFolder]
) -> tuple[DeviceSeen, ...]:
    """Return every target of a session, and those of the session before that it lacks.

    `latest` are the last attempts, `earlier` are sessions of the same suite, the newest first.
    """
    # A gate's second build runs on the same devices, as targets of its own.
    targets = [each for each in folder.session.targets if not is_twin(each.name)]
    here = [_seen(target, latest, earlier) for target in targets]
    names = {target.name for target in targets}
    before = earlier[0] if earlier else None
    gone = [
        DeviceSeen(
            target=target.name,
            bench=target.bench,
            device=_device(before.runs, target.name),
            virtual=target.virtual,
            state="gone",
            measured=0,
            runs=0,
            why=f"measured in the session of {day(before.session.started_utc)}, not planned now",
        )
        for target in (before.session.targets if before else ())
        if before
        and target.name not in names
        and not is_twin(target.name)
        and _measured(before.runs, target.name)
    ]
    return (*here, *gone)


def why_away(runs: Iterable[RunResult]) -> Failure | None:
    """Return the commonest reason for which runs of a target were skipped or lost, if any."""
    reasons = Counter(
        run.outcome.failure
        for run in runs
        if (isinstance(run.outcome, Skipped) and _tells_absence(run.outcome))
        or (isinstance(run.outcome, Failed) and run.outcome.failure.kind in GIVEN_UP)
    )
    return reasons.most_common(1)[0][0] if reasons else None


def day(started_utc: str) -> str:
    """Return the date of a time in ISO 8601, and its hour and minute."""
    return started_utc[:16].replace("T", " ")


def _seen(
    target: TargetRecord, latest: Sequence[RunResult], earlier: Sequence[ResultFolder]
) -> DeviceSeen:
    own = [run for run in latest if run.cell.target == target.name]
    state = _state(own)
    reason = why_away(own) if state in {"missing", "lost"} else None
    return DeviceSeen(
        target=target.name,
        bench=next((run.bench for run in own), target.bench),
        device=_device(own, target.name) or _device_before(target.name, earlier),
        virtual=target.virtual,
        state=state,
        measured=sum(isinstance(run.outcome, Measured) for run in own),
        runs=len(own),
        why=f"{reason.kind}: {reason.message}" if reason else "",
        last_seen_utc=_last_seen(target.name, earlier) if state == "missing" else "",
    )


def _state(runs: Sequence[RunResult]) -> DeviceState:
    reached = any(_was_reached(run) for run in runs)
    absent = [
        run for run in runs if isinstance(run.outcome, Skipped) and _tells_absence(run.outcome)
    ]
    if reached:
        gone = any(
            isinstance(run.outcome, Skipped) and run.outcome.failure.kind in GIVEN_UP
            for run in absent
        )
        return "lost" if gone else "present"
    if absent or any(isinstance(run.outcome, Failed) for run in runs):
        return "missing"
    return "not tried"


def _was_reached(run: RunResult) -> bool:
    outcome = run.outcome
    return isinstance(outcome, Measured) or (
        isinstance(outcome, Failed) and outcome.failure.kind not in GIVEN_UP
    )


def _tells_absence(outcome: Skipped) -> bool:
    return not outcome.expected and outcome.failure.kind not in NOT_TRIED


def _device(runs: Iterable[RunResult], target: str) -> str:
    named = (run.setting.get("device") for run in runs if run.cell.target == target)
    return next((str(name) for name in named if name), "")


def _device_before(target: str, earlier: Sequence[ResultFolder]) -> str:
    return next((name for each in earlier if (name := _device(each.runs, target))), "")


def _measured(runs: Iterable[RunResult], target: str) -> bool:
    return any(run.cell.target == target and isinstance(run.outcome, Measured) for run in runs)


def _last_seen(target: str, earlier: Sequence[ResultFolder]) -> str:
    seen = (each.session.started_utc for each in earlier if _measured(each.runs, target))
    return next(seen, "")
