"""Nights, and decisions of a gate, that the tests of the morning page are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import report_folders as made
from hypothesis import strategies as st

from harness.model import (
    Cell,
    Failed,
    Failure,
    Outcome,
    ResultFolder,
    Skipped,
)
from harness.report.digest.page import terminal
from harness.report.digest.sessions import digest_session
from harness.report.digest.values import (
    Digest,
)
from harness.store.gate_record import (
    GateRecord,
    Judgement,
)

SIMD = Cell("blazeface", "fp32", "chromium", "simd")


def night(
    started: str = "2026-11-24T01:30:00+00:00",
    outcomes: Mapping[Cell, Outcome] | None = None,
    **changes: Any,
) -> ResultFolder:
    """A session on Chromium alone, in which everything was measured that is not given."""
    record = made.session(
        targets=(made.CHROMIUM,), blocks=6, memory_runs=0, started_utc=started, **changes
    )
    given_outcomes = outcomes or {}
    return made.folder(
        record,
        lambda cell, _: given_outcomes.get(cell, made.times(0.01)),
        path=f"results/quickstart/{started[:10]}",
    )


def with_runs(folder: ResultFolder, change: Any) -> ResultFolder:
    return replace(folder, runs=tuple(change(run) for run in folder.runs))


def digested(folder: ResultFolder, *earlier: ResultFolder, gate: GateRecord | None = None) -> str:
    return terminal(Digest((digest_session(folder, gate, earlier),)))


def findings(folder: ResultFolder, **changes: Any) -> list[tuple[str, bool]]:
    session = digest_session(folder, changes.get("gate"), changes.get("earlier", ()))
    return [(finding.trouble, finding.red) for finding in session.findings]


RUNS: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        made.times(0.01),
        made.failed(),
        Failed(Failure("page-hidden", "the page was hidden", "keep it in front")),
        Failed(Failure("conditions-invalid", "thermal status 4", "let it cool")),
        Skipped(Failure("target-lost", "it went away", "look at its cable")),
        Skipped(Failure("time", "06:30 has come", "go on with --resume")),
        made.skipped(),
        made.skipped(expected=True),
    ]
)


def gate_of(*judgements: Judgement, green: bool = False, **changes: Any) -> GateRecord:
    record = GateRecord(
        suite="quickstart",
        decided_utc="2026-11-24T05:00:00+00:00",
        candidate="c" * 64,
        last_good="a" * 64,
        green=green,
        moved=green,
        why_not_moved="" if green else "a cell regressed",
        judgements=judgements,
    )
    return replace(record, **changes)


SLOWER = Judgement(
    SIMD, "latency", "regressed", "s", 0.01, 0.0105, 0.05, 0.031, 0.074, 0.001, 12, 0.02
)
