"""Facts and measurements as tables: what was set, what it is about, and under which conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.metrics import METRICS
from harness.model import Column, Facts, Figure, Measured, Measurement, RunResult, Scalar, Table
from harness.report.cell_ratios import distinct
from harness.report.numbers import BYTES, SECONDS, Scale, scale_for, without_noise

PLAIN = Scale("", 1.0)
_SCALES = {"s": SECONDS, "B": BYTES}
_FACT = Column("fact", "fact")


def facts_table(name: str, title: str, facts: Facts) -> Table:
    """Return a row per fact; what is not known says so."""
    rows = tuple((fact, told(value)) for fact, value in facts.items())
    return Table(name, title, (_FACT, Column("value", "value")), rows)


def common_facts(
    runs: Sequence[RunResult], facts_of: Callable[[RunResult], Facts]
) -> Mapping[str, Scalar]:
    """Return what the facts of these runs say: the value, or all of them where they differ."""
    names = dict.fromkeys(fact for run in runs for fact in facts_of(run))
    values = {name: distinct(facts_of(run).get(name) for run in runs) for name in names}
    return {
        name: None if not found else found[0] if len(found) == 1 else ", ".join(map(told, found))
        for name, found in values.items()
    }


def told(value: Scalar) -> str:
    """Return a fact as a person reads it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def measurements_of(run: RunResult) -> tuple[Measurement, ...]:
    """Return what a run measured; nothing of one that failed or was skipped."""
    return run.outcome.measurements if isinstance(run.outcome, Measured) else ()


def metric_scale(unit: str, values: Iterable[float]) -> Scale:
    """Return the scale that values of this unit are shown in."""
    return (
        scale_for(values, _SCALES[unit])
        if unit in _SCALES
        else Scale(unit if unit != "1" else "", 1.0)
    )


def measurements_table(run: RunResult) -> Table:
    """Return a row per measurement of a run: as read, in SI units, and what it means."""
    rows = []
    for each in measurements_of(run):
        metric = METRICS.get(each.metric)
        rows.append((each.metric, *_amount(each), metric.meaning if metric else None))
    columns = (
        Column("metric", "metric"),
        Column("value", "value", align="right"),
        Column("exact", "exactly", align="right"),
        Column("meaning", "meaning, or why it is absent"),
    )
    kept = tuple(
        (metric, value, exact, f"absent: {absent}" if absent else meaning)
        for (metric, value, exact, absent, meaning) in rows
    )
    return Table("measurements", "Measurements", columns, kept)


def _amount(each: Measurement) -> tuple[Figure | str | None, str | None, str]:
    if each.value is not None:
        scale = metric_scale(each.unit, [abs(each.value)])
        shown = f"{scale.text(each.value)} {scale.unit}".strip()
        exact = f"{without_noise(each.value)!r} {each.unit if each.unit != '1' else ''}".strip()
        return Figure(each.value, shown), exact, ""
    if each.samples:
        return f"{len(each.samples)} samples", None, ""
    return None, None, each.absent or "not said"
