"""What the page says of a workload's stages and frames; pure.

A stage is held to the clock as an iteration is: one shorter than 100 of its ticks has no median.
It cannot be timed in batches, since the next stage needs what it made; but its mean over n
iterations is known √n times better than one reading of the clock (docs/workloads.md), so that it
stands from 100/√n ticks on. An iteration that is itself timed in batches has no stages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice

from harness.errors import RunFailed
from harness.metrics import stage_metric
from harness.model import Facts, Measurement
from harness.tools.measuring_page import PageAnswer, SaidWorkload, percentile

TICKS_PER_SAMPLE = 100
MOST_STAGES = 32
MOST_LETTERS = 64
_NAME_HINT = (
    f"call stages by short printable names, at most {MOST_STAGES} of them: what changes from "
    "iteration to iteration does not belong into a name"
)


def measurements(answer: PageAnswer) -> tuple[Measurement, ...]:
    """Return the metrics of stages and of frames; () where no workload ran.

    Raises:
        RunFailed: workload-error: the stages' names, or their number, cannot stand in a table.
    """
    said, timed = answer.workload, answer.timed
    if said is None or timed is None:
        return ()
    _check_names(said.stages_ms)
    iteration_s = math.fsum(timed.samples_ms) / len(timed.samples_ms) / 1000
    least_s = TICKS_PER_SAMPLE * (answer.clock_tick_ms or 0.0) / 1000
    stages = (
        each
        for name, samples_ms in said.stages_ms.items()
        for each in _stage(name, [ms / 1000 for ms in samples_ms], iteration_s, least_s)
    )
    return (*stages, *_frames(said, iteration_s))


def conditions(answer: PageAnswer) -> Facts:
    """Return how many frames were due and were taken."""
    schedule = answer.workload.schedule if answer.workload else None
    if schedule is None:
        return {}
    return {"frames_due": schedule.frames_due, "frames_done": schedule.frames_done}


def _stage(
    name: str, samples_s: list[float], iteration_s: float, least_s: float
) -> Iterator[Measurement]:
    if not samples_s:
        why_not = "below timer resolution: iterations were timed in batches"
        yield from _absent(name, why_not)
        return
    mean_s = math.fsum(samples_s) / len(samples_s)
    least_mean_s = least_s / math.sqrt(len(samples_s))
    if mean_s < least_mean_s:
        yield from _absent(name, _too_short(least_mean_s))
        return
    median_s = percentile(samples_s, 0.5)
    too_short = _too_short(least_s) if median_s < least_s else ""
    yield Measurement(
        stage_metric("p50", name), "s", None if too_short else median_s, absent=too_short
    )
    yield Measurement(stage_metric("mean", name), "s", mean_s)
    share = mean_s / iteration_s if iteration_s else 0.0
    yield Measurement(stage_metric("share", name), "1", share)


def _too_short(least_s: float) -> str:
    return f"below timer resolution: shorter than {1000 * least_s:.3g} ms"


def _absent(name: str, why_not: str) -> Iterator[Measurement]:
    yield Measurement(stage_metric("p50", name), "s", absent=why_not)
    yield Measurement(stage_metric("mean", name), "s", absent=why_not)
    yield Measurement(stage_metric("share", name), "1", absent=why_not)


def _frames(said: SaidWorkload, iteration_s: float) -> Iterator[Measurement]:
    if iteration_s:
        yield Measurement("iteration_rate", "Hz", 1 / iteration_s)
    if said.schedule is not None:
        dropped = max(0, said.schedule.frames_due - said.schedule.frames_done)
        yield Measurement("dropped_frames", "1", dropped / said.schedule.frames_due)


def _check_names(stages: Mapping[str, object]) -> None:
    unfit = [
        name
        for name in stages
        if not name.strip() or not name.isprintable() or len(name) > MOST_LETTERS
    ]
    if unfit or len(stages) > MOST_STAGES:
        shown = ", ".join(ascii(name)[: MOST_LETTERS + 2] for name in islice(unfit or stages, 3))
        raise RunFailed(
            f"the workload has {len(stages)} stages, among them {shown}",
            hint=_NAME_HINT,
            kind="workload-error",
        )
