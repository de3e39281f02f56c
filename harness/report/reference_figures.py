"""What others published, beside what was measured here; nothing of theirs is computed with."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Column, PublishedFigures, Table, TableValue
from harness.report import notes
from harness.report.layout import section_of, time_or_word
from harness.report.numbers import SECONDS, scale_for
from harness.report.summary import CellSummary


def reference_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return measured cells beside the published times of their variants; None without any.

    A published variant that this suite does not run has a row without a measured time.
    """
    figures = _figures(cells)
    if not figures:
        return None
    every_time = [s for each in figures for of in each.latency_s.values() for s in of.values()]
    scale = scale_for([c.time.median for c in cells if c.time] or every_time, SECONDS)

    def published(each: PublishedFigures, key: tuple[str, str]) -> TableValue:
        time = each.latency_s.get(key[0], {}).get(key[1])
        return None if time is None else scale.figure(time)

    return Table(
        name="published",
        title="Beside published figures",
        columns=(
            *(Column(name, name) for name in ("model", "target", "variant")),
            Column("time", "measured here", scale.unit, "right"),
            *(
                Column(f"published.{each.name}", f"{each.name} (published)", scale.unit, "right")
                for each in figures
            ),
        ),
        rows=tuple(
            (
                key[0],
                cell.cell.target if cell else None,
                key[1],
                time_or_word(cell, scale),
                *(published(each, key) for each in figures),
            )
            for key, cell in _rows(cells, figures)
        ),
        notes=(*_meaning(figures), *notes.provenance(cells)),
        section=section_of(cells),
    )


def _meaning(figures: Sequence[PublishedFigures]) -> tuple[str, ...]:
    by_source: dict[str, list[str]] = {}
    for each in figures:
        by_source.setdefault(each.source, []).append(each.name)
    return (
        (
            "published: figures of others, as they gave them; not measured here, not proved, and "
            "in no ratio."
        ),
        *(f"{'; '.join(names)}: {source}." for source, names in by_source.items()),
    )


def _figures(cells: Sequence[CellSummary]) -> list[PublishedFigures]:
    """Return the figures of all sessions, those of one device and source once."""
    found = {(f.name, f.source): f for cell in cells for f in cell.session.published}
    return list(found.values())


def _rows(
    cells: Sequence[CellSummary], figures: Sequence[PublishedFigures]
) -> list[tuple[tuple[str, str], CellSummary | None]]:
    keys = _published_keys(figures)
    rows: list[tuple[tuple[str, str], CellSummary | None]] = [
        (key, cell) for cell in cells if (key := (cell.cell.model, cell.cell.variant)) in keys
    ]
    met = {key for key, _ in rows}
    return rows + [(key, None) for key in keys if key not in met]


def _published_keys(figures: Sequence[PublishedFigures]) -> dict[tuple[str, str], None]:
    return dict.fromkeys(
        (model, variant)
        for each in figures
        for model, times in each.latency_s.items()
        for variant in times
    )
