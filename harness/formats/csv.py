"""Tables as one CSV in long form, a line per value: what `pandas.read_csv` reads at once.

Columns: `table, section, row, column, unit, value, low, high, text`. `row` counts from 1 within
a table; a table's notes come as lines with an empty `row` and `note` as column. `value`, `low`
and `high` are in `unit`; a text has no value, a missing value has neither. A text that a
spreadsheet would run as a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from harness.model import Figure, Table, TableValue
from harness.plugins import API_VERSION
from harness.table_text.visible import inert

HEADER = ("table", "section", "row", "column", "unit", "value", "low", "high", "text")


class CsvFormat:
    """Renders tables for spreadsheets and data frames."""

    name = "csv"
    api_version = API_VERSION
    media_type = "text/csv"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables as one CSV with a header line."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        for table in tables:
            writer.writerows(_lines(table))
        return text.getvalue()


def _lines(table: Table) -> Iterable[tuple[str, ...]]:
    place = (inert(table.name), inert(table.section))
    for number, row in enumerate(table.rows, start=1):
        for column, value in zip(table.columns, row, strict=True):
            unit = inert(column.unit) if isinstance(value, Figure) else ""
            yield (*place, str(number), inert(column.key), unit, *_value(value))
    for note in table.notes:
        yield (*place, "", "note", "", "", "", "", inert(note))


def _value(value: TableValue) -> tuple[str, str, str, str]:
    if isinstance(value, Figure):
        return (repr(value.value), _end(value.low), _end(value.high), inert(value.text))
    return ("", "", "", "" if value is None else inert(value))


def _end(number: float | None) -> str:
    return "" if number is None else repr(number)


PLUGIN = CsvFormat()
