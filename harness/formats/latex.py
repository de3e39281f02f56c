"""Tables for papers: LaTeX with booktabs, names escaped so that they stay names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.model import Column, Figure, Table, TableValue
from harness.plugins import API_VERSION
from harness.table_text.visible import ABSENT, visible

_PREAMBLE = r"% Needs \usepackage{booktabs} and a UTF-8 engine (any LaTeX since 2018)."
_ACTING = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # Behind the `\\` of a row, a bracket would be its argument.
    "[": "{[}",
    "*": "{*}",
    "≤": r"\(\le\)",
    "≥": r"\(\ge\)",
    "−": r"\(-\)",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
# Two of these become another character: a dash, a quotation mark.
_LIGATURE = re.compile(r"([-',])(?=\1)")


class LatexFormat:
    """Renders tables for a paper."""

    name = "latex"
    api_version = API_VERSION
    media_type = "application/x-latex"

    def render(self, tables: Sequence[Table]) -> str:
        """Return a `table` environment for each table that has rows, notes below it."""
        parts = [line for table in tables if table.rows and table.columns for line in _table(table)]
        return "\n".join([_PREAMBLE, *parts]) + "\n"


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line."""
    shown = "".join(_ACTING.get(character, character) for character in visible(text))
    return _LIGATURE.sub(r"\1{}", shown)


def _table(table: Table) -> Iterator[str]:
    # A column without a header is a bar drawn for terminals.
    shown = [place for place, column in enumerate(table.columns) if column.header]
    columns = [table.columns[place] for place in shown]
    layout = "".join("r" if column.align == "right" else "l" for column in columns)
    section = f"{escaped(table.section)}. " if table.section else ""
    yield ""
    yield r"\begin{table}"
    yield r"\centering"
    yield f"\\caption{{{section}{escaped(table.title)}}}"
    yield f"\\begin{{tabular}}{{{layout}}}"
    yield r"\toprule"
    yield _row([_header(column) for column in columns])
    yield r"\midrule"
    for row in table.rows:
        yield _row([_text(row[place]) for place in shown])
    yield r"\bottomrule"
    yield r"\end{tabular}"
    if table.notes:
        notes = " ".join(escaped(note) for note in table.notes)
        yield f"\\par\\smallskip{{\\footnotesize {notes}\\par}}"
    yield r"\end{table}"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _header(column: Column) -> str:
    return escaped(f"{column.header} ({column.unit})" if column.unit else column.header)


def _text(value: TableValue) -> str:
    if value is None:
        return ABSENT
    return escaped(value.text if isinstance(value, Figure) else value)


PLUGIN = LatexFormat()
