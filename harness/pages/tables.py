"""Tables as HTML: captions, headers with a scope, regions that scroll, values that lead somewhere.

Sections are `<section>`s below one heading each; a table has a caption, numbers to the right, and
scrolls inside a region that the keyboard reaches. A table below its drawing is folded away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby

from harness.counted import counted
from harness.model import Column, Figure, Table, TableValue
from harness.pages.document import escaped, link
from harness.table_text.shared_notes import SHARED_TITLE, shared_notes
from harness.table_text.standing import standing
from harness.table_text.visible import ABSENT

_TABLES_WITHOUT_CONTENTS = 3


@dataclass(frozen=True, slots=True)
class RowLooks:
    """Where the values of a row lead, and what the page's script knows the row by.

    `links` are addresses by the key of the column; the one by '' is of the row's heading, and of
    every figure whose column has none of its own. `data` become attributes `data-NAME`.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as a page shows it: how its rows look, and its drawing, a finished SVG element.

    `interactive` tables are sorted and filtered by the page's script, where there is one;
    `sparks` are small finished drawings for the last column, one per row. A `folded` table is
    shown when one asks for it.
    """

    table: Table
    rows: tuple[RowLooks, ...] = ()
    drawing: str = ""
    interactive: bool = False
    sparks: tuple[str, ...] = ()
    folded: bool = False

    def looks(self, row: int) -> RowLooks:
        return self.rows[row] if row < len(self.rows) else _PLAIN


_PLAIN = RowLooks()


def tables_body(
    shown: Sequence[Shown],
    *,
    after_contents: Iterable[str] = (),
    more: Sequence[tuple[str, str]] = (),
) -> Iterator[str]:
    """Give the contents of a page of tables, and the tables in their sections.

    `after_contents` stands between the two; `more` are (title, id) of what the page has besides.
    """
    places = [(f"t{number}", each) for number, each in zip(count(1), shown, strict=False)]
    yield from _contents(places, more)
    yield from after_contents
    yield "<main>"
    for section, members in groupby(places, key=lambda place: place[1].table.section):
        yield from _section(section, list(members))
    yield "</main>"


def _contents(
    places: Sequence[tuple[str, Shown]], more: Sequence[tuple[str, str]]
) -> Iterator[str]:
    if len(places) <= _TABLES_WITHOUT_CONTENTS:
        return
    yield '<nav class="contents" aria-label="Contents"><ul>'
    for section, members in groupby(places, key=lambda place: place[1].table.section):
        if section:
            yield f"<li>{escaped(section)}<ul>"
        for place, each in members:
            yield f"<li>{link(each.table.title, f'#{place}')}</li>"
        if section:
            yield "</ul></li>"
    yield from (f"<li>{link(title, f'#{place}')}</li>" for title, place in more)
    yield "</ul></nav>"


def _section(section: str, members: Sequence[tuple[str, Shown]]) -> Iterator[str]:
    if section:
        yield f"<h2>{escaped(section)}</h2>"
    shared = shared_notes([each.table for _, each in members])
    for place, each in members:
        yield f'<section id="{place}" aria-labelledby="{place}-title">'
        yield from _drawn(place, each) if each.drawing else _tabled(place, each)
        yield from notes_list(note for note in each.table.notes if note not in shared)
        yield "</section>"
    if shared:
        yield f"<section><h3>{SHARED_TITLE}</h3>"
        yield from notes_list(shared)
        yield "</section>"


def _drawn(place: str, shown: Shown) -> Iterator[str]:
    yield _title(place, shown.table)
    yield _scrolling(place)
    yield shown.drawing.strip()
    yield "</div>"
    if shown.table.rows:
        rows = counted(len(shown.table.rows), "row")
        yield from _folded(place, shown, f"{rows} behind this drawing")


def _folded(place: str, shown: Shown, summary: str) -> Iterator[str]:
    yield f"<details><summary>{summary}</summary>"
    yield f'{_scrolling(place)}<table aria-labelledby="{place}-title">'
    yield from _grid(shown)
    yield "</table></div></details>"


def _tabled(place: str, shown: Shown) -> Iterator[str]:
    if not (shown.table.rows and shown.table.columns):
        yield _title(place, shown.table)
        return
    if shown.folded:
        yield _title(place, shown.table)
        yield from _folded(place, shown, f"the {len(shown.table.rows)} rows")
        return
    named = f' data-table="{escaped(shown.table.name)}"' if shown.interactive else ""
    yield f"{_scrolling(place)}<table{named}>"
    yield f"<caption>{_title(place, shown.table)}</caption>"
    yield from _grid(shown)
    yield "</table></div>"


def _title(place: str, table: Table) -> str:
    return f'<h3 id="{place}-title">{escaped(table.title)}</h3>'


def _scrolling(place: str) -> str:
    return f'<div class="scroll" role="region" aria-labelledby="{place}-title" tabindex="0">'


def _grid(shown: Shown) -> Iterator[str]:
    table = shown.table
    headers = "".join(_header(each, keyed=shown.interactive) for each in table.columns)
    headers += '<th scope="col">course</th>' * bool(shown.sparks)
    yield f"<thead><tr>{headers}</tr></thead>"
    yield "<tbody>"
    for number, row in enumerate(table.rows):
        looks = shown.looks(number)
        cells = "".join(
            _cell(column, value, looks, heads=place == 0, sorted_by_script=shown.interactive)
            for place, (column, value) in enumerate(zip(table.columns, row, strict=True))
        )
        data = "".join(f' data-{name}="{escaped(value)}"' for name, value in looks.data.items())
        spark = f"<td>{shown.sparks[number]}</td>" if shown.sparks else ""
        yield f"<tr{data}>{cells}{spark}</tr>"
    yield "</tbody>"


def _header(column: Column, *, keyed: bool) -> str:
    unit = f" <small>({escaped(column.unit)})</small>" if column.unit else ""
    classes = ' class="n"' if column.align == "right" else ""
    key = f' data-key="{escaped(column.key)}"' if keyed else ""
    return f'<th scope="col"{classes}{key}>{escaped(column.header)}{unit}</th>'


def _cell(
    column: Column, value: TableValue, looks: RowLooks, *, heads: bool, sorted_by_script: bool
) -> str:
    text = ABSENT if value is None else value.text if isinstance(value, Figure) else value
    said = standing(column.key, text)
    classes = ["n"] * (column.align == "right") + ([said] if said else [])
    attributes = f' class="{" ".join(classes)}"' if classes else ""
    if sorted_by_script and isinstance(value, Figure):
        attributes += f' data-v="{value.value!r}"'
    leads = heads or isinstance(value, Figure) or (column.align == "right" and value is not None)
    address = looks.links.get(column.key) or (looks.links.get("", "") if leads else "")
    content = link(text, address) if address and value is not None else escaped(text)
    opening, closing = (' scope="row"', "th") if heads else ("", "td")
    return f"<{closing}{opening}{attributes}>{content}</{closing}>"


def notes_list(notes: Iterable[str]) -> Iterator[str]:
    """Give notes as a list; nothing where there are none."""
    items = [f"<li>{escaped(note)}</li>" for note in notes]
    if items:
        yield '<ul class="notes">'
        yield from items
        yield "</ul>"
