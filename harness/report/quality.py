"""Quality beside size and speed: measured on a labelled set, or declared with its source.

The two have columns of their own: a measured score has its interval and the number of examples,
a declared one has its source and stands only beside the very file that it was declared for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.counted import counted
from harness.model import Column, Failed, Figure, Measured, Skipped, Table, TableValue
from harness.quality import Score
from harness.report import notes
from harness.report.layout import Labels, called, section_of, time_or_word
from harness.report.model_facts import noted_of, size_bytes_of
from harness.report.numbers import BYTES, SECONDS, scale_for, significant, without_noise
from harness.report.outcome_words import reason
from harness.report.summary import CellSummary

PREFIX = "quality_"


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared quality; `stands` is False where it was declared for another file."""

    metric: str
    value: float
    source: str
    stands: bool


def measured_quality(cell: CellSummary) -> Score | None:
    """Return the score of a cell's quality pass, None if it has none."""
    found = cell.extra.get("quality")
    for run in found.measured if found else ():
        for measurement in run.outcome.measurements if isinstance(run.outcome, Measured) else ():
            name, value = measurement.metric, measurement.value
            if name.startswith(PREFIX) and value is not None:
                told = run.conditions
                ends = [float(told[f"quality_{end}"] or 0.0) for end in ("low", "high")]
                examples = int(told["quality_examples"] or 0)
                return Score(name.removeprefix(PREFIX), value, ends[0], ends[1], examples)
    return None


def declared_quality(cell: CellSummary) -> Declared | None:
    """Return what the suite declares of a cell's file, None if nothing."""
    noted = noted_of(cell)
    value = noted.get("declared_value")
    if not isinstance(value, int | float):
        return None
    bound = str(noted["declared_sha256"]).split()
    return Declared(
        metric=str(noted["declared_metric"]),
        value=float(value),
        source=str(noted["declared_source"]),
        stands=bool(cell.digests) and all(digest in bound for digest in cell.digests),
    )


def quality_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per cell that has, or should have, a quality; None if no cell has."""
    rows = [cell for cell in cells if "quality" in cell.extra or declared_quality(cell)]
    if not rows:
        return None
    labels = Labels(rows)
    times = scale_for((cell.time.median for cell in rows if cell.time), SECONDS)
    sizes = [size for cell in rows if (size := size_bytes_of([cell])) is not None]
    bytes_ = scale_for(sizes, BYTES)
    columns = (
        *labels.columns,
        Column("variant", "variant"),
        Column("size", "size", bytes_.unit, "right"),
        Column("time", "time", times.unit, "right"),
        Column("measured", "measured", align="right"),
        Column("examples", "n", align="right"),
        Column("declared", "declared"),
    )
    return Table(
        name="quality",
        title="Quality beside size and time",
        columns=columns,
        rows=tuple(
            (
                *labels.of(cell),
                cell.cell.variant,
                None if (size := size_bytes_of([cell])) is None else bytes_.figure(size),
                time_or_word(cell, times),
                *_measured(cell),
                _declared(cell),
            )
            for cell in rows
        ),
        notes=(*_meaning(rows), *notes.provenance(rows)),
        section=section_of(rows),
    )


def _measured(cell: CellSummary) -> tuple[TableValue, TableValue]:
    score = measured_quality(cell)
    if score is None:
        tried = cell.extra.get("quality")
        word = "failed" if tried and tried.troubled else None
        return word, None
    text = f"{score.metric} {significant(score.value)} [{score.low:.3f}, {score.high:.3f}]"
    figure = Figure(without_noise(score.value), text, score.low, score.high)
    return figure, Figure(score.examples, str(score.examples))


def _declared(cell: CellSummary) -> TableValue:
    said = declared_quality(cell)
    if said is None:
        return None
    if not said.stands:
        return "of another file" if cell.digests else "file not seen"
    return f"{said.metric} {said.value:g}, says {said.source}"


def _meaning(rows: Sequence[CellSummary]) -> tuple[str, ...]:
    told = []
    if any(measured_quality(cell) for cell in rows):
        told.append(
            "measured: each of n labelled examples once through the cell's own runtime, with its "
            "95 % interval (Wilson's for shares, bootstrap over examples for f1)."
        )
    if any(declared_quality(cell) for cell in rows):
        told.append(
            "declared: not measured here; it stands only beside the file with the hash that it "
            "was declared for."
        )
    for cell in rows:
        said = declared_quality(cell)
        if said and not said.stands and cell.digests:
            place = f"{called(cell, rows)} on {cell.cell.target}"
            seen = ", ".join(map(str, cell.digests))
            told.append(f"Declared for another file: {place} ran the file with sha256 {seen}.")
    for cell in rows:
        tried = cell.extra.get("quality")
        for run in tried.troubled if tried else ():
            place = f"{called(cell, rows)} on {cell.cell.target}/{cell.cell.variant}"
            if isinstance(run.outcome, Failed | Skipped):
                told.append(f"No measured quality: {place} ({reason(run.outcome.failure)}).")
        if tried and tried.missing:
            place = f"{called(cell, rows)} on {cell.cell.target}/{cell.cell.variant}"
            told.append(f"No measured quality yet: {place} ({counted(tried.missing, 'run')}).")
    return tuple(told)
