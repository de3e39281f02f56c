"""Tables as one HTML page that stands alone: no script, no request, names escaped to stay names.

Sections are `<section>`s below one heading each; a table has a caption, headers with a scope and
numbers to the right, and scrolls inside a region that the keyboard reaches. A strict
Content-Security-Policy forbids whatever an escaping mistake might have let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import count, groupby

from harness.formats._notes import SHARED_TITLE, shared_notes
from harness.formats._page_style import STYLE
from harness.formats._standing import standing
from harness.model import Column, Figure, Table, TableValue
from harness.plugins import API_VERSION
from harness.table_text.visible import ABSENT, visible

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
_TABLES_WITHOUT_CONTENTS = 3


class HtmlFormat:
    """Renders tables for a browser, a mail or a static site."""

    name = "html"
    api_version = API_VERSION
    media_type = "text/html"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables as one page."""
        return self.render_page(tables, title="edgebench")

    def render_page(
        self,
        tables: Sequence[Table],
        *,
        title: str,
        drawings: Mapping[str, str] | None = None,
        generator: str = "edgebench",
    ) -> str:
        """Return a page of tables under a title.

        `drawings` are finished SVG elements by the name of the table that they belong to: such a
        table is folded away below its drawing.
        """
        places = [(f"t{number}", table) for number, table in zip(count(1), tables, strict=False)]
        lines = [
            *_head(title, generator),
            f"<h1>{escaped(title)}</h1>",
            *_contents(places),
            "<main>",
        ]
        for section, members in groupby(places, key=lambda place: place[1].section):
            lines += _section(section, list(members), drawings or {})
        return "\n".join([*lines, "</main>", "</body>", "</html>"]) + "\n"


def escaped(text: str) -> str:
    """Return text that HTML shows as it is, on one line, inside elements and attributes."""
    return escape(visible(text), quote=True)


def _head(title: str, generator: str) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f'<meta name="generator" content="{escaped(generator)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    # Without it, a browser asks the server for /favicon.ico.
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escaped(title)}</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"
    yield "<body>"


def _contents(places: Sequence[tuple[str, Table]]) -> Iterator[str]:
    if len(places) <= _TABLES_WITHOUT_CONTENTS:
        return
    yield '<nav aria-label="Contents"><ul>'
    for section, members in groupby(places, key=lambda place: place[1].section):
        if section:
            yield f"<li>{escaped(section)}<ul>"
        for place, table in members:
            yield f'<li><a href="#{place}">{escaped(table.title)}</a></li>'
        if section:
            yield "</ul></li>"
    yield "</ul></nav>"


def _section(
    section: str, members: Sequence[tuple[str, Table]], drawings: Mapping[str, str]
) -> Iterator[str]:
    if section:
        yield f"<h2>{escaped(section)}</h2>"
    shared = shared_notes([table for _, table in members])
    for place, table in members:
        yield f'<section id="{place}" aria-labelledby="{place}-title">'
        if table.name in drawings:
            yield from _drawn(place, table, drawings[table.name])
        else:
            yield from _tabled(place, table)
        yield from _notes(note for note in table.notes if note not in shared)
        yield "</section>"
    if shared:
        yield f"<section><h3>{SHARED_TITLE}</h3>"
        yield from _notes(shared)
        yield "</section>"


def _drawn(place: str, table: Table, drawing: str) -> Iterator[str]:
    yield _title(place, table)
    yield _scrolling(place)
    yield drawing.strip()
    yield "</div>"
    if table.rows:
        yield f"<details><summary>the {len(table.rows)} rows behind this drawing</summary>"
        yield f'{_scrolling(place)}<table aria-labelledby="{place}-title">'
        yield from _grid(table)
        yield "</table></div></details>"


def _tabled(place: str, table: Table) -> Iterator[str]:
    if not (table.rows and table.columns):
        yield _title(place, table)
        return
    yield f"{_scrolling(place)}<table>"
    yield f"<caption>{_title(place, table)}</caption>"
    yield from _grid(table)
    yield "</table></div>"


def _title(place: str, table: Table) -> str:
    return f'<h3 id="{place}-title">{escaped(table.title)}</h3>'


def _scrolling(place: str) -> str:
    return f'<div class="scroll" role="region" aria-labelledby="{place}-title" tabindex="0">'


def _grid(table: Table) -> Iterator[str]:
    yield f"<thead><tr>{''.join(map(_header, table.columns))}</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        cells = (
            _cell(column, value, heads=column is table.columns[0])
            for column, value in zip(table.columns, row, strict=True)
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody>"


def _header(column: Column) -> str:
    unit = f" <small>({escaped(column.unit)})</small>" if column.unit else ""
    classes = ' class="n"' if column.align == "right" else ""
    return f'<th scope="col"{classes}>{escaped(column.header)}{unit}</th>'


def _cell(column: Column, value: TableValue, *, heads: bool) -> str:
    text = ABSENT if value is None else value.text if isinstance(value, Figure) else value
    said = standing(column.key, text)
    looks = ["n"] * (column.align == "right") + ([said] if said else [])
    classes = f' class="{" ".join(looks)}"' if looks else ""
    opening, closing = (' scope="row"', "th") if heads else ("", "td")
    return f"<{closing}{opening}{classes}>{escaped(text)}</{closing}>"


def _notes(notes: Iterable[str]) -> Iterator[str]:
    items = [f"<li>{escaped(note)}</li>" for note in notes]
    if items:
        yield '<ul class="notes">'
        yield from items
        yield "</ul>"


PLUGIN = HtmlFormat()
