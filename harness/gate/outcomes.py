"""Cells that fail or are missing, files that grew, nodes that are left over: judged exactly.

None of these is a matter of noise, so none is measured twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.gate.builds import Build, KeptNight, NotedCell, PartName, State
from harness.gate.observing import Summaries, failures_told, nodes_of
from harness.gate.twins import Twins
from harness.model import Cell, Failed, RunResult, Skipped
from harness.report.summary import CellSummary
from harness.retries import INFRASTRUCTURE
from harness.store.gate_record import Drift, Judgement
from harness.suite.gate_keys import GateKeys
from harness.twin_names import is_twin

OUTCOME = "outcome"
FILE_BYTES = "file_bytes"
NODES = "nodes_delegated"

_NODES = re.compile(r"([0-9]+) of ([0-9]+)")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a cell ended, with what it said; `failed` of its `runs` did."""

    state: State
    said: str = ""
    failed: int = 0
    runs: int = 0


def ended(cell: CellSummary) -> Ended:
    """Tell how a cell ended: measured if most of its latency runs were."""
    runs = cell.latency.runs
    measured = len(cell.latency.measured)
    failures = [run for run in runs if _is_failure(run)]
    said = failures_told(failures or cell.latency.troubled)
    if measured > len(failures):
        return Ended("measured", said if failures else "", len(failures), len(runs))
    if failures:
        return Ended("failed", said, len(failures), len(runs))
    if runs and all(isinstance(r.outcome, Skipped) and r.outcome.expected for r in runs):
        return Ended("unsupported", said)
    return Ended("missing", said or "none of its runs was made")


def _is_failure(run: RunResult) -> bool:
    # What the infrastructure did to a run says nothing about the build.
    return isinstance(run.outcome, Failed) and run.outcome.failure.kind not in INFRASTRUCTURE


def noted_cells(found: Summaries) -> tuple[NotedCell, ...]:
    """Return what is noted of the cells of a night; twins are not its own."""
    return tuple(
        NotedCell(cell, ended(summary).state, nodes_of(summary))
        for cell, summary in found.items()
        if not is_twin(cell.target)
    )


def judge_outcomes(found: Summaries, twins: Twins, before: KeptNight) -> Iterator[Judgement]:
    """Judge whether each cell was measured, beside what last good's night noted of it."""
    known = before.noted
    for cell, summary in found.items():
        if not is_twin(cell.target):
            twin = twins.cell(cell, "last good")
            beside = ended(found[twin]) if twin is not None and twin in found else None
            yield _outcome(cell, ended(summary), beside, known.get(cell))
    for noted in before.cells:
        if noted.state == "measured" and noted.cell not in found:
            why = "the suite has no such cell any more; if that is meant: --accept"
            yield Judgement(noted.cell, OUTCOME, "missing", why=why)


def _outcome(cell: Cell, now: Ended, twin: Ended | None, noted: NotedCell | None) -> Judgement:
    if noted is None:
        return Judgement(cell, OUTCOME, "not judged", why=f"new in the suite, {now.state}")
    if now.state == "measured":
        flaky = f"{now.failed} of {now.runs} runs failed: {now.said}" if now.failed else ""
        if noted.state != "measured":
            why = f"was {noted.state} at last good"
            return Judgement(cell, OUTCOME, "improved", why=f"{why}; {flaky}" if flaky else why)
        return Judgement(cell, OUTCOME, "unclear" if flaky else "unchanged", why=flaky)
    if noted.state != "measured":
        why = f"{now.state}, as at last good" if now.state == noted.state else now.said
        return Judgement(cell, OUTCOME, "unchanged", why=why)
    if now.state in {"missing", "unsupported"}:
        return Judgement(cell, OUTCOME, "missing", why=now.said)
    if twin is not None and twin.state != "measured":
        why = f"the last good build fails tonight too ({twin.said}): {now.said}"
        return Judgement(cell, OUTCOME, "environment changed", why=why)
    same = "" if twin is not None else "nothing of its build changed since last good; "
    return Judgement(cell, OUTCOME, "newly failed", why=same + now.said)


def judge_nodes(
    found: Summaries, twins: Twins, before: KeptNight, most: int
) -> Iterator[Judgement]:
    """Judge how many nodes of its graph a cell's delegate left over."""
    known = before.noted
    for cell, summary in found.items():
        noted, twin = known.get(cell), twins.cell(cell, "last good")
        told = noted.nodes if noted else ""
        if twin is not None and twin in found:
            told = nodes_of(found[twin])
        ours, theirs = _NODES.fullmatch(nodes_of(summary)), _NODES.fullmatch(told)
        if is_twin(cell.target) or not ours or not theirs:
            continue
        taken, total = int(ours[1]), int(ours[2])
        taken_before, total_before = int(theirs[1]), int(theirs[2])
        more = (total - taken) - (total_before - taken_before)
        yield Judgement(
            cell,
            NODES,
            "regressed" if more > most else "improved" if more < 0 else "unchanged",
            unit="1",
            before=taken_before,
            now=taken,
            threshold=most,
            why=f"{total - taken} of {total} nodes left over, before {total_before - taken_before} "
            f"of {total_before}",
        )


def judge_sizes(
    files: Mapping[PartName, Cell], candidate: Build, last_good: Build, keys: GateKeys
) -> Iterator[Judgement]:
    """Judge the size of each model's file, once; `files` names a cell that runs each."""
    for name, cell in files.items():
        if name not in candidate.parts or name not in last_good.parts:
            continue
        now, before = candidate.parts[name].size_bytes, last_good.parts[name].size_bytes
        change = (now - before) / before if before else 0.0
        yield Judgement(
            cell,
            FILE_BYTES,
            "regressed" if change > keys.file_size else "improved" if change < 0 else "unchanged",
            unit="B",
            before=before,
            now=now,
            change=change,
            threshold=keys.file_size,
            why=name.rpartition("/")[2] if change else "",
        )


def drift_of_sizes(
    files: Mapping[PartName, Cell], candidate: Build, reference: Build, keys: GateKeys
) -> Iterator[Drift]:
    """Return how much larger each model's file is than that of the pinned reference."""
    bound = max(keys.max_drift, keys.file_size)
    for name, cell in files.items():
        if name not in candidate.parts or name not in reference.parts:
            continue
        now, before = candidate.parts[name].size_bytes, reference.parts[name].size_bytes
        if now != before and before:
            change = (now - before) / before
            exceeds = change > bound
            yield Drift(cell, change, change, change, FILE_BYTES, bound, exceeds, exceeds)
