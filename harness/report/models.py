"""Models beside the base model of a suite: size, time, quality, and the ratio of times."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Column, Figure, Table, TableValue
from harness.report import notes
from harness.report.family_wise import family_rule
from harness.report.layout import Labels, gain, section_of, time_or_word
from harness.report.marks import marked_runs
from harness.report.model_facts import size_bytes_of
from harness.report.numbers import BYTES, SECONDS, scale_for, significant, without_noise
from harness.report.quality import measured_quality
from harness.report.summary import CellSummary


def models_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per cell of the sessions that have a base model; None if none has."""
    rows = [cell for cell in cells if cell.session.base_model]
    if not rows:
        return None
    labels = Labels(rows)
    times = scale_for((cell.time.median for cell in rows if cell.time), SECONDS)
    bytes_ = scale_for((size for cell in rows if (size := size_bytes_of([cell]))), BYTES)
    base = " or ".join(dict.fromkeys(str(cell.session.base_model) for cell in rows))
    scored = any(measured_quality(cell) for cell in rows)
    columns = (
        *labels.columns,
        Column("variant", "variant"),
        Column("size", "size", bytes_.unit, "right"),
        Column("time", "time", times.unit, "right"),
        Column("over_base", f"vs {base}", align="right"),
        *((Column("quality", "quality", align="right"),) if scored else ()),
    )
    return Table(
        name="models",
        title=f"Models, compared to {base}",
        columns=columns,
        rows=tuple(
            (
                *labels.of(cell),
                cell.cell.variant,
                None if (size := size_bytes_of([cell])) is None else bytes_.figure(size),
                time_or_word(cell, times),
                "base" if cell.cell.model == cell.session.base_model else gain(cell.over_base),
                *((_quality(cell),) if scored else ()),
            )
            for cell in rows
        ),
        notes=(
            (
                f"vs {base}: how much faster than that model, block by block, in the same file and "
                "variant (the fp32 file where it has no such file); all models share blocks. "
                "Models are fed different inputs, so this compares models, not builds of one."
            ),
            *_about_ratios(rows),
            *marked_runs(rows, "latency"),
            *notes.provenance(rows),
        ),
        section=section_of(rows),
    )


def _quality(cell: CellSummary) -> TableValue:
    score = measured_quality(cell)
    if score is None:
        return None
    text = f"{score.metric} {significant(score.value)}"
    return Figure(without_noise(score.value), text, score.low, score.high)


def _about_ratios(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        if cell.over_base and cell.over_base.reason:
            name = f"{cell.cell.model}/{cell.cell.file} {cell.cell.variant}"
            reasons.setdefault(cell.over_base.reason, []).append(name)
    told = [f"No ratio: {', '.join(names)} ({why})." for why, names in reasons.items()]
    return (*family_rule(cell.over_base for cell in cells), *told)
