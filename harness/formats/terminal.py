"""Tables for a person at a terminal; plain text when piped.

What several tables of a section say in their notes is said once, after the last of them.
"""

from __future__ import annotations

import io
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table as RichTable
from rich.text import Text

from harness.model import Figure, Table, TableValue
from harness.plugins import API_VERSION
from harness.table_text.shared_notes import SHARED_TITLE, shared_notes
from harness.table_text.standing import Standing, standing
from harness.table_text.visible import ABSENT, visible

PIPED_WIDTH = 100
_LONG_WORD = 20
_NAMES = ("session", "model", "file", "target")
_STYLES: dict[Standing, str] = {
    "good": "green",
    "bad": "red",
    "failed": "bold red",
    "doubt": "yellow",
}


class TerminalFormat:
    """Renders tables as aligned text."""

    name = "terminal"
    api_version = API_VERSION
    media_type = "text/plain"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables without colour, as wide as the terminal, or 100 when piped."""
        width = shutil.get_terminal_size(fallback=(PIPED_WIDTH, 40)).columns
        return self.render_for(tables, colour=False, width=width)

    def render_for(self, tables: Sequence[Table], *, colour: bool, width: int) -> str:
        """Return all tables for a terminal of `width` columns, with or without colour."""
        text = io.StringIO()
        console = Console(
            file=text,
            width=max(width, 40),
            height=50,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            markup=False,
            highlight=False,
            emoji=False,
        )
        for section, members in groupby(tables, key=lambda table: table.section):
            _print_section(console, section, list(members))
        lines = text.getvalue().splitlines()
        return "\n".join(line if colour else line.rstrip() for line in lines).strip("\n") + "\n"


def _print_section(console: Console, section: str, tables: Sequence[Table]) -> None:
    shared = shared_notes(tables)
    if section:
        console.print()
        console.print(Rule(Text(visible(section), "bold"), style="dim", align="left"))
    for table in tables:
        console.print()
        console.print(Text(visible(table.title), "bold"))
        if table.rows and table.columns:
            _print_grid(console, table)
        _print_notes(console, [note for note in table.notes if note not in shared])
    if shared:
        console.print()
        console.print(Text(SHARED_TITLE, "bold"))
        _print_notes(console, shared)


def _print_notes(console: Console, notes: Iterable[str]) -> None:
    for note in notes:
        lines = textwrap.wrap(visible(note), console.width - 4, break_on_hyphens=False) or [""]
        console.print(
            Padding(Text("\n  ".join(["· " + lines[0], *lines[1:]]), "dim"), (0, 0, 0, 2))
        )


@dataclass(frozen=True, slots=True)
class _Strip:
    """One column as it is shown: its words, its texts, and whether it may be broken."""

    key: str
    words: str
    texts: tuple[str, ...]
    right: bool = False
    solid: bool = False

    @property
    def content(self) -> int:
        return max(map(_width, self.texts), default=0)

    @property
    def least(self) -> int:
        """The least width that breaks no word, but for words that are very long."""
        pieces = re.split(r"\s+|(?<=-)", " ".join(self.texts))
        return max(min(max(map(cell_len, pieces)), _LONG_WORD), self._longest_header_word)

    @property
    def _longest_header_word(self) -> int:
        return max(map(cell_len, self.words.split()), default=1)

    def header(self, least: int) -> str:
        room = max(self.content, self._longest_header_word, least)
        return textwrap.fill(self.words, room, break_on_hyphens=False)

    def width(self, least_header: int) -> int:
        return max(self.content, _width(self.header(least_header)))

    def broken(self, width: int) -> _Strip:
        """Return the column with its texts wrapped to a width."""
        texts = ("\n".join(textwrap.wrap(text, width)) for text in self.texts)
        return replace(self, texts=tuple(texts))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns, the least width of their headers, and the room between them."""

    strips: tuple[_Strip, ...]
    header: int
    gap: int = 2

    @property
    def width(self) -> int:
        texts = sum(strip.width(self.header) for strip in self.strips)
        return texts + self.gap * (len(self.strips) - 1)


def _print_grid(console: Console, table: Table) -> None:
    layout = _fitted(table, console.width)
    grid = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, layout.gap - 1, 0, 0),
        header_style="bold",
        border_style="dim",
    )
    for strip in layout.strips:
        justify: Literal["left", "right"] = "right" if strip.right else "left"
        grid.add_column(Text(strip.header(layout.header)), justify=justify, no_wrap=True)
    for row in zip(*(strip.texts for strip in layout.strips), strict=True):
        shown = zip(layout.strips, row, strict=True)
        grid.add_row(*(Text(text, _style(strip, text)) for strip, text in shown))
    # Rich drops columns that do not fit; a line that is too long loses nothing.
    width = console.width
    console.width = max(width, layout.width)
    console.print(grid)
    console.width = width


def _fitted(table: Table, width: int) -> _Layout:
    """Return the first layout that brings a table into `width`, else the narrowest.

    What is tried, in turn: narrower headers; an interval under its estimate, rather than
    broken where the line ends; the names that lead the rows under one another, with less
    room between; longer texts wrapped.
    """
    plain, folded = _strips(table, _text), _strips(table, _folded)
    stacked = _stacked(folded)
    tried = (
        _Layout(plain, 12),
        _Layout(plain, 8),
        _Layout(folded, 12),
        _Layout(folded, 8),
        _wrapped(_Layout(folded, 8), width),
        _wrapped(_Layout(stacked, 0), width),
    )
    last = _wrapped(_Layout(stacked, 0, gap=1), width)
    return next((layout for layout in tried if layout.width <= width), last)


def _wrapped(layout: _Layout, width: int) -> _Layout:
    widths = [strip.width(layout.header) for strip in layout.strips]
    excess = layout.width - width
    # Asked for once: a table has many rows, and is narrowed in many steps.
    least = {i: strip.least for i, strip in enumerate(layout.strips) if not strip.solid}
    while excess > 0:
        index = max(least, key=lambda i: widths[i] - least[i], default=None)
        if index is None or widths[index] <= least[index]:
            break
        widths[index] -= 1
        excess -= 1
    strips = (
        strip if strip.solid or strip.content <= room else strip.broken(room)
        for strip, room in zip(layout.strips, widths, strict=True)
    )
    return replace(layout, strips=tuple(strips))


def _strips(table: Table, text_of: Callable[[TableValue], str]) -> tuple[_Strip, ...]:
    rows = list(_without_repeats([[text_of(value) for value in row] for row in table.rows], table))
    return tuple(
        _Strip(
            key=column.key,
            words=visible(column.header + (f" ({column.unit})" if column.unit else "")),
            texts=tuple(row[index] for row in rows),
            right=column.align == "right",
            solid=column.align == "right" or any(isinstance(r[index], Figure) for r in table.rows),
        )
        for index, column in enumerate(table.columns)
    )


def _stacked(strips: tuple[_Strip, ...]) -> tuple[_Strip, ...]:
    leading = list(takewhile(lambda strip: strip.key in _NAMES, strips))
    if len(leading) < 2:
        return strips
    texts = tuple(
        "\n".join(text for text in row if text)
        for row in zip(*(strip.texts for strip in leading), strict=True)
    )
    words = " ".join(strip.words for strip in leading)
    return (_Strip(leading[0].key, words, texts, solid=True), *strips[len(leading) :])


def _text(value: TableValue) -> str:
    if value is None:
        return ABSENT
    return visible(value.text if isinstance(value, Figure) else value)


def _folded(value: TableValue) -> str:
    text = _text(value)
    return text.replace(" [", "\n[") if isinstance(value, Figure) else text


def _width(text: str) -> int:
    return max((cell_len(line) for line in text.split("\n")), default=0)


def _without_repeats(texts: Iterable[Sequence[str]], table: Table) -> Iterable[list[str]]:
    """Blank the leading names of a row that are the same as in the row above it."""
    above: Sequence[str] = ()
    for values, row in zip(table.rows, texts, strict=True):
        shown = list(row)
        for index, value in enumerate(values):
            if not (isinstance(value, str) and above and row[index] == above[index]):
                break
            shown[index] = ""
        above = row
        yield shown


def _style(strip: _Strip, text: str) -> str:
    said = standing(strip.key, text)
    return _STYLES[said] if said else ""


PLUGIN = TerminalFormat()
