"""What tables say about others that used the CPU, and about the blocks that they disturbed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from harness.counted import counted
from harness.disturbances import DISTURBED, BlockName, Replacing, block_of, how_replaced
from harness.model import RunResult
from harness.report.numbers import percent
from harness.report.summary import CellSummary

BUSY_SHARE = 0.12
"""From here on others' work shows in the figures: seen with TF.js in Chromium on two cores."""


def others_cpu(cells: Sequence[CellSummary]) -> str:
    """Say what others took of the CPU while the runs that count were measured."""
    runs = [run for cell in cells for run in cell.latency.measured]
    shares = _known(runs, "others_cpu_share")
    if not shares:
        return "CPU taken by others: not known."
    part = f"; known for {len(shares)} of {len(runs)} runs" if len(shares) < len(runs) else ""
    busy = (
        f" This machine was busy: above {percent(BUSY_SHARE)} small differences mean little; "
        "measure again when it is quiet."
    )
    return (
        f"CPU taken by others during the runs: median {percent(median(shares))}, "
        f"most {percent(max(shares))}{_steal(runs)}{_run_wait(runs)}{part}."
        f"{busy if median(shares) > BUSY_SHARE else ''}"
    )


def disturbed(cells: Sequence[CellSummary]) -> str:
    """Say by which rule blocks are disturbed, how many are, and what became of them."""
    above = cells[0].session.disturbed_above
    counting = [run for cell in cells for run in cell.latency.measured]
    aside = [run for cell in cells for run in cell.latency.left_out]
    if above is None or not (counting or aside):
        return ""
    how = how_replaced(cells[0].session)
    unknown = _blocks((run for run in counting if run.conditions.get(DISTURBED) is None), how)
    every = _blocks((*counting, *aside), how)
    if unknown == every:
        return "Disturbed blocks: not known, this platform does not tell what others use."
    stay = _blocks((run for run in counting if run.conditions.get(DISTURBED) is True), how)
    replaced = _blocks(aside, how)
    found = f"{len(stay | replaced) or 'none'} of {counted(len(every), 'block')}"
    what = [
        f"{len(replaced)} left out, replaced by new ones" if replaced else "",
        f"{len(stay - replaced)} not replaced, so they count" if stay - replaced else "",
        f"not known for {len(unknown)}" if unknown else "",
    ]
    return (
        f"Disturbed blocks (others, with steal, took more than {percent(above)} of the CPU during "
        f"one of their runs): {'; '.join((found, *filter(None, what)))}."
    )


def _steal(runs: Sequence[RunResult]) -> str:
    shares = _known(runs, "steal_cpu_share")
    return f"; by the hypervisor (steal): most {percent(max(shares))}" if any(shares) else ""


def _run_wait(runs: Sequence[RunResult]) -> str:
    shares = _known(runs, "run_wait_share")
    if not shares:
        return ""
    return (
        "; what was measured waited for a CPU in "
        f"{percent(median(shares))} of the time it wanted one, at most {percent(max(shares))}"
    )


def _known(runs: Iterable[RunResult], condition: str) -> list[float]:
    seen = [run.conditions.get(condition) for run in runs]
    return [float(share) for share in seen if isinstance(share, int | float)]


def _blocks(runs: Iterable[RunResult], how: Replacing) -> set[BlockName]:
    return {block_of(run, how) for run in runs}
