"""Tables as GitHub-flavoured Markdown, names escaped so that they stay names."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from harness.model import Column, Figure, Table, TableValue
from harness.plugins import API_VERSION
from harness.table_text.markdown import in_markdown
from harness.table_text.visible import ABSENT


class MarkdownFormat:
    """Renders tables for a README, an issue or a pull request."""

    name = "markdown"
    api_version = API_VERSION
    media_type = "text/markdown"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables, each with its heading and its notes as a list."""
        parts: list[str] = []
        section = ""
        for table in tables:
            if table.section and table.section != section:
                parts.append(f"## {in_markdown(table.section)}")
            section = table.section
            parts += _parts(table)
        return "\n\n".join(parts) + "\n"


def _parts(table: Table) -> list[str]:
    parts = [f"### {in_markdown(table.title)}"]
    if table.rows and table.columns:
        parts.append(
            tabulate(
                [[_text(value) for value in row] for row in table.rows],
                headers=[_header(column) for column in table.columns],
                tablefmt="pipe",
                colalign=[column.align for column in table.columns],
                disable_numparse=True,
            )
        )
    if table.notes:
        parts.append("\n".join(f"- {in_markdown(note)}" for note in table.notes))
    return parts


def _header(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return in_markdown(column.header + unit)


def _text(value: TableValue) -> str:
    if value is None:
        return ABSENT
    return in_markdown(value.text if isinstance(value, Figure) else value)


PLUGIN = MarkdownFormat()
