"""How long each bench worked: its runs, and the span that they took."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from harness.model import RunResult
from harness.report.digest.values import LaneHours


def lane_hours(runs: Iterable[RunResult]) -> tuple[LaneHours, ...]:
    """Return a lane per bench, the longest first; every attempt counts that took any time."""
    of_bench: dict[str, list[RunResult]] = {}
    for run in runs:
        of_bench.setdefault(run.bench, []).append(run)
    lanes = [_lane(bench, own) for bench, own in of_bench.items()]
    return tuple(sorted(lanes, key=lambda lane: -lane.measuring_s))


def _lane(bench: str, runs: list[RunResult]) -> LaneHours:
    tried = [run for run in runs if run.duration_s > 0]
    spans = [(_moment(run.started_utc), run.duration_s) for run in tried]
    known = [(at, at + timedelta(seconds=took_s)) for at, took_s in spans if at is not None]
    first = min((begin for begin, _ in known), default=None)
    last = max((end for _, end in known), default=None)
    return LaneHours(
        bench=bench,
        targets=tuple(dict.fromkeys(run.cell.target for run in runs)),
        runs=len(tried),
        measuring_s=sum(run.duration_s for run in runs),
        from_utc=_text(first),
        to_utc=_text(last),
        span_s=(last - first).total_seconds() if first and last else 0.0,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""
