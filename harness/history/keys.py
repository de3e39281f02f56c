"""What a history is of: the setting that must match, and what may change along it.

A setting is compared whole, so a fact that older runs did not record begins a new series. Two
facts of it say what ran rather than how it was measured, so they are marked where they change:
what a page calls its device is the browser and its version, and how many nodes a delegate took
is the tool's answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.metrics import definition
from harness.model import Facts, Measured, RunResult, SessionRecord
from harness.twin_names import is_twin

NOT_CONDITIONS = frozenset(
    {
        "batch_size",
        "iterations_done",
        "timer_resolution_s",
        "verdict",
        "verdict_reason",
        "warmup_iterations_done",
        "wasm_heap_shared",
        "window_s",
    }
)
"""Facts beside the conditions that tell of the sampling, or have a place of their own."""


def key_setting(run: RunResult) -> Facts:
    """Return the known facts of a run's setting that all of a history shares."""
    moved = _moved(run.setting)
    return {
        fact: value
        for fact, value in run.setting.items()
        if value is not None and fact not in moved
    }


def subject_of(run: RunResult, session: SessionRecord) -> Facts:
    """Return the known facts whose changes a history marks."""
    facts = {
        **run.subject,
        **{fact: run.setting[fact] for fact in _moved(run.setting)},
        "edgebench": session.harness.get("version"),
        "machine": session.label,
    }
    return {fact: value for fact, value in facts.items() if value is not None}


def values_of(run: RunResult) -> Iterator[tuple[str, str, float]]:
    """Yield (metric, unit, value) of what a run measured for its pass.

    Profiled and sustained runs have no history: the tool slows itself, or the phone heats. Nor have
    the twins of a gate: what they run is an older build.
    """
    if not isinstance(run.outcome, Measured) or run.pass_ not in {"latency", "memory", "quality"}:
        return
    if is_twin(run.cell.target):
        return
    taken: set[str] = set()
    for measurement in run.outcome.measurements:
        name, value = measurement.metric, measurement.value
        if value is None or name in taken or not math.isfinite(value):
            continue
        memory = measurement.unit == "B"
        # A time of 0 is below the clock's resolution, and no ratio can be formed of it.
        unusable = value <= 0 and name.startswith("latency_")
        if memory == (run.pass_ == "memory") and not unusable:
            taken.add(name)
            yield name, measurement.unit, value


def family_of(metric: str, unit: str) -> str | None:
    """Return with which metrics one is judged for change points; None if it is not judged.

    A family is what false discoveries are held down over: a statistic, or all methods of memory.
    """
    if unit == "B":
        return unit
    judged = metric in {"latency_p50", "latency_mean"} or unit == "Hz"
    return metric if judged or metric.startswith("quality") else None


def more_is_better(metric: str) -> bool:
    """Tell whether a higher value is the better one: qualities and rates."""
    known = definition(metric)
    return metric.startswith("quality") or (known is not None and known.unit == "Hz")


def _moved(setting: Facts) -> frozenset[str]:
    web = {"device"} if "browser_name" in setting else set()
    return frozenset({*web, "nodes_delegated"} & setting.keys())
