"""Tables as GitHub-flavoured Markdown, names escaped so that they stay names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from harness.formats._visible import ABSENT, visible
from harness.model import Column, Figure, Table, TableValue
from harness.plugins import API_VERSION

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What begins or ends a span anywhere; `_` does so only where it is not inside a word, and a
# bracket makes a link, an image, a footnote or a definition only by what follows its end.
_ACTING = re.compile(r"[\\`*|~]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")


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
                parts.append(f"## {escaped(table.section)}")
            section = table.section
            parts += _parts(table)
        return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    shown = "".join(_ENTITIES.get(character, character) for character in visible(text))
    return _ACTING.sub(lambda match: f"\\{match.group()}", shown)


def _parts(table: Table) -> list[str]:
    parts = [f"### {escaped(table.title)}"]
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
        parts.append("\n".join(f"- {escaped(note)}" for note in table.notes))
    return parts


def _header(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return escaped(column.header + unit)


def _text(value: TableValue) -> str:
    if value is None:
        return ABSENT
    return escaped(value.text if isinstance(value, Figure) else value)


PLUGIN = MarkdownFormat()
