"""Result folders of many nights, made up: a cell or two, a few runs each, written as runs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from report_folders import CHROMIUM, DEVICE, run, session, times

from harness import store
from harness.model import Cell, Outcome, RunResult, SessionRecord

FIRST = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
SIMD = Cell("blazeface", "fp32", "chromium", "simd")
PLAIN = Cell("blazeface", "fp32", "chromium", "plain")
ON_DEVICE = Cell("blazeface", "fp32", "device", "cpu-1")
EVERY = (SIMD, PLAIN, ON_DEVICE)


def started(night: int) -> str:
    return (FIRST + timedelta(days=night)).isoformat()


def write_night(
    results: Path,
    night: int,
    outcomes: Mapping[Cell, Sequence[Outcome]],
    *,
    change: Callable[[RunResult], RunResult] = lambda run: run,
    name: str = "",
    **changes: Any,
) -> Path:
    """Write a session with these outcomes, block by block; returns its folder."""
    path = results / "nightly" / (name or f"{(FIRST + timedelta(days=night)):%Y-%m-%d}_lab")
    fields: dict[str, Any] = {"started_utc": started(night), "blocks": 3, **changes}
    record: SessionRecord = replace(session((CHROMIUM, DEVICE), ("blazeface",)), **fields)
    with store.create(path, record, "suite: nightly\n") as writer:
        for cell, own in outcomes.items():
            for block, outcome in enumerate(own, start=1):
                writer.append(change(run(cell, block, outcome)))
    return path


def write_nights(results: Path, levels: Sequence[float], cells: Sequence[Cell] = EVERY) -> None:
    """Write a night per level: three runs of each cell, 1 % around it, of a fixed pattern."""
    for night, level in enumerate(levels):
        write_night(results, night, dict.fromkeys(cells, three(level * wobble(night))))


def three(level: float) -> list[Outcome]:
    """Three runs around a level, whose median is the level."""
    return [times(level), times(level * 0.99), times(level * 1.01)]


def wobble(night: int) -> float:
    """A few tenths of a percent of noise that is the same in every test run."""
    return 1 + 0.001 * ((night * 7919) % 11 - 5)


def with_subject(**facts: Any) -> Callable[[RunResult], RunResult]:
    """A change of runs: these facts in their subject."""
    return lambda run: replace(run, subject={**run.subject, **facts})


def with_setting(**facts: Any) -> Callable[[RunResult], RunResult]:
    """A change of runs: these facts in their setting."""
    return lambda run: replace(run, setting={**run.setting, **facts})
