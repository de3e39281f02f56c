"""Tables as one JSON document, lossless and ASCII: whatever a name holds, it only is read.

    {"schema": 1, "tables": [{"name", "title", "section", "notes": [text, …],
      "columns": [{"key", "header", "unit"}, …],
      "rows": [{column key: null | text
                | {"value", "text", "unit", "low"?, "high"?, "bytes"?}}, …]}]}

`low` and `high` are there where a figure has an interval or a spread; all in `unit`. `bytes` is
there where an amount of memory is known to the byte: an integer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from harness.model import Column, Figure, Table, TableValue
from harness.plugins import API_VERSION

SCHEMA = 1


class JsonFormat:
    """Renders tables for programs."""

    name = "json"
    api_version = API_VERSION
    media_type = "application/json"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables as one JSON object."""
        document = {"schema": SCHEMA, "tables": [_table(table) for table in tables]}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "section": table.section,
        "columns": [
            {"key": column.key, "header": column.header, "unit": column.unit}
            for column in table.columns
        ],
        "rows": [
            {
                column.key: _value(column, value)
                for column, value in zip(table.columns, row, strict=True)
            }
            for row in table.rows
        ],
        "notes": list(table.notes),
    }


def _value(column: Column, value: TableValue) -> Any:
    if not isinstance(value, Figure):
        return value
    ends = {"low": value.low, "high": value.high}
    exact = {} if value.exact_bytes is None else {"bytes": value.exact_bytes}
    return {
        "value": _finite(value.value),
        "text": value.text,
        "unit": column.unit,
        **{name: _finite(end) for name, end in ends.items() if end is not None},
        **exact,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


PLUGIN = JsonFormat()
