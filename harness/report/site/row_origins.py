"""Which cells the numbers of a table's row are of, found by the names that the row itself bears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

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

_BESIDE = "native"
"""The column that names another cell, to which the columns that begin so belong."""

PageOf: TypeAlias = Callable[[CellSummary], str]


@dataclass(frozen=True, slots=True)
class Origin:
    """The cells that a row is of: one, several (a variant per column), or none.

    `by_column` are those of columns that stand beside the row's own cell.
    """

    cells: tuple[CellSummary, ...] = ()
    by_column: Mapping[str, CellSummary] = field(default_factory=dict)


class Origins:
    """The cells of tables, looked up by the names in their rows."""

    def __init__(self, cells: Sequence[CellSummary]) -> None:
        self._cells = cells
        self._columns: Mapping[tuple[str, Cell], str] = columns_of(cells)

    def of(self, table: Table) -> list[Origin]:
        """Return the origin of each row."""
        keys = [column.key for column in table.columns]
        named = [(place, _LABELS[key]) for place, key in enumerate(keys) if key in _LABELS]
        if not {"model", "cell"} & set(keys):
            return [Origin()] * len(table.rows)
        known: dict[tuple[TableValue, ...], list[CellSummary]] = {}
        for cell in self._cells:
            known.setdefault(tuple(name(cell) for _, name in named), []).append(cell)
        beside = keys.index(_BESIDE) if _BESIDE in keys else None
        origins = []
        for row in table.rows:
            own = _of_kind(known.get(tuple(row[place] for place, _ in named), ()), table)
            other = self._beside(own, row[beside]) if beside is not None and own else None
            columns = {key: other for key in keys if other and key.startswith(_BESIDE)}
            origins.append(Origin(own, columns))
        return origins

    def _beside(self, own: Sequence[CellSummary], name: TableValue) -> CellSummary | None:
        """Return the cell that stands beside these, called `target variant`."""
        first = own[0]
        wanted = (first.path, first.cell.model, first.cell.file, name)
        for cell in self._cells:
            called = f"{cell.cell.target} {cell.cell.variant}"
            if (cell.path, cell.cell.model, cell.cell.file, called) == wanted:
                return cell
        return None

    def links(self, origin: Origin, table: Table, page_of: PageOf) -> Mapping[str, str]:
        """Return where the values of a row lead, by the key of their column."""
        beside = {key: page_of(cell) for key, cell in origin.by_column.items()}
        if len(origin.cells) == 1:
            return {"": page_of(origin.cells[0])} | beside
        found = {}
        for column in table.columns:
            own = [cell for cell in origin.cells if _is_of(column.key, self._names(cell))]
            if own:
                found[column.key] = page_of(own[0])
        # What such a row says of no variant, it says of the file that they share.
        if len({(cell.path, cell.cell.model, cell.cell.file) for cell in origin.cells}) == 1:
            found[""] = page_of(origin.cells[0])
        return found | beside

    def _names(self, cell: CellSummary) -> tuple[str, ...]:
        """Return the names that a column of this cell's values may have in a row of several."""
        own = self._columns.get((cell.session_name, cell.cell), "")
        return tuple(dict.fromkeys(filter(None, (own, cell.cell.variant, cell.cell.file))))


def _of_kind(cells: Sequence[CellSummary], table: Table) -> tuple[CellSummary, ...]:
    """Leave out cells of the other kind, where virtual and real ones have the same names."""
    own = [cell for cell in cells if cell.virtual == (table.section == VIRTUAL_SECTION)]
    return tuple(own or cells)


def _is_of(key: str, names: Sequence[str]) -> bool:
    """Tell whether a column's key says that its values are of a cell with one of these names.

    A key is the name itself, `what.NAME` or `what:NAME`, or `NAME/OTHER` for a ratio over another.
    """
    return any(
        key == name or key.endswith((f".{name}", f":{name}")) or key.startswith(f"{name}/")
        for name in names
    )
