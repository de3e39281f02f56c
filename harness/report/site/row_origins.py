"""Which cells the numbers of a table's row are of, found by the names that the row itself bears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.model import Cell, Table, TableValue
from harness.report.speedups import columns_of
from harness.report.summary import CellSummary
from harness.report.virtual_section import VIRTUAL_SECTION

_LABELS: Mapping[str, Callable[[CellSummary], str]] = {
    "session": lambda cell: cell.session_name,
    "model": lambda cell: cell.cell.model,
    "file": lambda cell: cell.cell.file,
    "target": lambda cell: cell.cell.target,
    "variant": lambda cell: cell.cell.variant,
    "cell": lambda cell: f"{cell.cell.model}/{cell.cell.file} {cell.cell.variant}",
}
"""The columns that name cells; `cell` is that of the pictures of latency and quality."""


class Origins:
    """The cells of tables, looked up by the names in their rows."""

    def __init__(self, cells: Sequence[CellSummary]) -> None:
        self._cells = cells
        self._columns: Mapping[tuple[str, Cell], str] = columns_of(cells)

    def of(self, table: Table) -> list[tuple[CellSummary, ...]]:
        """Return the cells of each row: one, several (a variant per column), or none."""
        named = [
            (place, _LABELS[column.key])
            for place, column in enumerate(table.columns)
            if column.key in _LABELS
        ]
        if not any(column.key in {"model", "cell"} for column in table.columns):
            return [()] * len(table.rows)
        virtual = table.section == VIRTUAL_SECTION
        known: dict[tuple[TableValue, ...], list[CellSummary]] = {}
        for cell in self._cells:
            if cell.virtual == virtual or not table.section:
                known.setdefault(tuple(name(cell) for _, name in named), []).append(cell)
        return [tuple(known.get(tuple(row[place] for place, _ in named), ())) for row in table.rows]

    def column_of(self, cell: CellSummary) -> tuple[str, ...]:
        """Return the names that a column of this cell's values may have in a row of several."""
        own = self._columns.get((cell.session_name, cell.cell), "")
        return tuple(dict.fromkeys(filter(None, (own, cell.cell.variant, cell.cell.file))))


def is_of(key: str, names: Sequence[str]) -> bool:
    """Tell whether a column's key says that its values are of a cell with one of these names.

    A key is the name itself, `what.NAME` or `what:NAME`, or `NAME/OTHER` for a ratio over another.
    """
    return any(
        key == name or key.endswith((f".{name}", f":{name}")) or key.startswith(f"{name}/")
        for name in names
    )
