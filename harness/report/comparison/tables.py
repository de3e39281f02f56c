"""A comparison as tables: a row per matched cell, and for three sides or more their matrix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.counted import counted
from harness.model import Column, Figure, Table, TableValue
from harness.report.comparison.factors import Difference, check, differences
from harness.report.comparison.operands import Operand, matched
from harness.report.comparison.ratios import Compared, judged_together, speedup
from harness.report.layout import section_of, time_or_word
from harness.report.numbers import SECONDS, Scale, ratio, scale_for, significant, without_noise
from harness.report.summary import CellSummary
from harness.statistics.paired import NO_INTERVAL

Row: TypeAlias = list[CellSummary | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The finished tables, and how many rows became slower than the first side."""

    tables: tuple[Table, ...]
    slower: int


def compare(
    operands: Sequence[Operand], factors: Sequence[str], *, family_wise: bool = False
) -> Comparison:
    """Set every side against the first; `family_wise` has all verdicts hold together.

    Raises:
        CompareError: settings differ, or a factor that was not named; nothing matches.
    """
    words, rows = matched(operands)
    found = [
        differences(row[0], cell)
        for row in rows.values()
        for cell in row[1:]
        if row[0] is not None and cell is not None
    ]
    differ = check(found, factors)
    ratios: Mapping[tuple[str, ...], Sequence[Compared | None]] = {
        key: [speedup(cell, row[0]) if row[0] and cell else None for cell in row[1:]]
        for key, row in rows.items()
    }
    how = list(_how(ratios.values()))
    if family_wise:
        ratios, note = judged_together(ratios)
        how += note
    notes = (*_what_differs(differ, found), *how)
    tables = [_cells_table(operands, words, rows, ratios, notes)]
    if len(operands) > 2:
        tables.append(_matrix(operands, rows))
    every = [each for row in ratios.values() for each in row if each]
    return Comparison(tuple(tables), sum(each.verdict == "slower" for each in every))


def _cells_table(
    operands: Sequence[Operand],
    words: Sequence[str],
    rows: Mapping[tuple[str, ...], Row],
    ratios: Mapping[tuple[str, ...], Sequence[Compared | None]],
    notes: tuple[str, ...],
) -> Table:
    cells = [cell for row in rows.values() for cell in row if cell]
    scale = scale_for((cell.time.median for cell in cells if cell.time), SECONDS)
    columns = [Column(word, word) for word in words]
    columns.append(Column("time.0", operands[0].name, scale.unit, "right"))
    for place, side in enumerate(operands[1:], start=1):
        columns += [
            Column(f"time.{place}", side.name, scale.unit, "right"),
            Column(f"speedup.{place}", f"{side.name} vs {operands[0].name}", align="right"),
            Column(f"verdict.{place}", "verdict"),
        ]
    body = [(*key, *_values(rows[key], ratios[key], scale)) for key in rows]
    if len(body) > 1:
        body.append(_mean_row(words, ratios, len(operands)))
    return Table(
        name="comparison",
        title=f"Compared with {operands[0].name}",
        columns=tuple(columns),
        rows=tuple(body),
        notes=notes,
        section=section_of(cells),
    )


def _values(row: Row, ratios: Sequence[Compared | None], scale: Scale) -> Iterator[TableValue]:
    yield time_or_word(row[0], scale)
    for cell, compared in zip(row[1:], ratios, strict=True):
        yield time_or_word(cell, scale)
        if compared is None:
            yield from (None, "missing on one side")
        elif compared.estimate is None:
            yield from (None, compared.reason)
        else:
            judged = compared.verdict or NO_INTERVAL
            yield ratio(compared.estimate)
            yield judged if judged == NO_INTERVAL else f"{judged} ({compared.runs})"


def _mean_row(
    words: Sequence[str],
    ratios: Mapping[tuple[str, ...], Sequence[Compared | None]],
    sides: int,
) -> tuple[TableValue, ...]:
    whole = [r for r in ratios.values() if all(each and each.estimate for each in r)]
    label = f"geometric mean of {counted(len(whole), 'row')}"
    values: list[TableValue] = [label, *[None] * (len(words) - 1), None]
    for place in range(sides - 1):
        logs = [math.log(e.estimate.estimate) for r in whole if (e := r[place]) and e.estimate]
        values += [None, _mean(logs), None]
    return tuple(values)


def _mean(logs: Sequence[float]) -> Figure | None:
    if not logs:
        return None
    mean = math.exp(math.fsum(logs) / len(logs))
    return Figure(without_noise(mean), f"{significant(mean)}×")


def _matrix(operands: Sequence[Operand], rows: Mapping[tuple[str, ...], Row]) -> Table:
    """Return how much faster each side of a column is than each side of a row."""
    whole = [
        [cell.time.median for cell in row if cell and cell.time]
        for row in rows.values()
        if all(cell and cell.time for cell in row)
    ]

    def entry(row: int, column: int) -> TableValue:
        if row == column:
            return "1"
        return _mean([math.log(times[row] / times[column]) for times in whole])

    return Table(
        name="comparison_matrix",
        title="Every side against every other",
        columns=(
            Column("over", "over"),
            *(Column(f"side.{n}", side.name, align="right") for n, side in enumerate(operands)),
        ),
        rows=tuple(
            (side.name, *(entry(row, column) for column in range(len(operands))))
            for row, side in enumerate(operands)
        ),
        notes=(
            (
                "Speed-up of the column over the row: geometric mean of median times over "
                f"{counted(len(whole), 'row')} that every side has; no interval."
            ),
        ),
    )


def _what_differs(
    differ: Sequence[str],
    found: Sequence[Mapping[str, Sequence[Difference]]],
) -> Iterator[str]:
    if not differ:
        yield "Nothing that is known differs between the sides: what is shown is noise and drift."
    for factor in differ:
        facts = dict.fromkeys(f for each in found for f in each.get(factor, ()))
        told = "; ".join(f"{fact} {a} → {b}" for fact, a, b in facts)
        yield f"Compared factor: {factor} ({told})."


def _how(ratios: Iterable[Sequence[Compared | None]]) -> Iterator[str]:
    every = [each for r in ratios for each in r if each and each.estimate]
    if any(each.paired for each in every):
        yield (
            "Blocks: both sides ran in the same blocks, so each block is one ratio; exact "
            "signed-rank interval of 95 %."
        )
    if any(not each.paired for each in every):
        yield (
            "Runs of two sessions share no block: the interval (rank-sum, 95 %) is weaker, and "
            "whatever drifted between the sessions is in the ratio. Measure both in one suite to "
            "be sure."
        )
