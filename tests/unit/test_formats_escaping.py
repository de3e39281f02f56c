"""The built-in formats, each read back by an independent reader of what it writes."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.model import Column, Figure, Table, TableValue
from harness.plugins import registry
from harness.table_text.visible import visible

ANSI = re.compile(r"\x1b\[[0-9;]*m")
MARKDOWN_CHARACTERS = "abc _*`[]()!|\\<>&~:^#-+=.\n\t\x1b"
NAMES = st.one_of(st.text(MARKDOWN_CHARACTERS, max_size=25), st.text(max_size=12))


def render(name: str, *tables: Table) -> str:
    shown: str = registry("formats").get(name).render(tables)
    return shown


def one_cell(value: TableValue, title: str = "t", notes: tuple[str, ...] = ()) -> Table:
    return Table("t", title, (Column("a", "a"), Column("b", "b")), ((value, "end"),), notes)


def inline_texts(markdown: str) -> list[str]:
    """Return what a reader sees of each span, or a marker where something acts."""
    texts = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        if token.type == "inline":
            parts = token.children or []
            acting = [part.type for part in parts if part.type not in {"text", "text_special"}]
            texts.append("".join(part.content for part in parts) if not acting else f"{acting}")
    return texts


def squeezed(text: str) -> str:
    return text.strip()


@given(NAMES, NAMES)
@example("__0__", "_a_ [x](y) ![x][y]")
@settings(deadline=None, max_examples=400)
def test_markdown_shows_a_name_as_it_is(name: str, other: str) -> None:
    columns = (Column("a", other), Column("b", "b"))
    table = Table("t", "t", columns, ((name, Figure(1.0, other)),), (f"note {name}",))
    title, head, _, first, second, note = inline_texts(render("markdown", table))
    assert title == "t"
    assert (squeezed(head), squeezed(first)) == (squeezed(visible(other)), squeezed(visible(name)))
    assert squeezed(second) == squeezed(visible(other))
    assert squeezed(note) == squeezed(f"note {visible(name)}")


def test_markdown_leaves_what_we_write_ourselves_readable() -> None:
    shown = render(
        "markdown", one_cell(Figure(4.4, "4.41× [4.30, 4.52]")), one_cell("mobilenet_v2")
    )
    assert "| 4.41× [4.30, 4.52] |" in shown
    assert "| mobilenet_v2 |" in re.sub(" +", " ", shown)


def test_markdown_says_a_section_once_above_its_tables() -> None:
    virtual = Table("latency", "Latency", (), (), section="Virtual device")
    shown = render("markdown", one_cell("x"), virtual, virtual)
    assert shown.count("## Virtual device\n") == 1


@given(NAMES, st.floats(allow_nan=False), st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_json_is_lossless_but_for_what_is_no_number(name: str, value: float, end: float) -> None:
    table = one_cell(Figure(value, name, end, None), title=name, notes=(name,))
    (read,) = json.loads(render("json", table))["tables"]
    assert (read["title"], read["notes"]) == (name, [name])
    cell = read["rows"][0]["a"]
    assert cell["text"] == name
    assert cell["value"] == (value if abs(value) != float("inf") else None)
    assert (cell["low"], "high" in cell) == (end, False)


def test_json_tells_a_missing_value_from_a_text() -> None:
    (read,) = json.loads(render("json", one_cell(None)))["tables"]
    assert read["rows"] == [{"a": None, "b": "end"}]


@given(NAMES, st.floats(allow_nan=False))
@settings(deadline=None)
def test_csv_is_read_back_line_by_line(name: str, value: float) -> None:
    shown = render("csv", one_cell(Figure(value, name)), one_cell(name))
    header, *lines = csv.reader(io.StringIO(shown))
    assert header == ["table", "section", "row", "column", "unit", "value", "low", "high", "text"]
    assert len(lines) == 4
    assert float(lines[0][5]) == value
    for line in lines:
        assert line[8].lstrip()[:1] not in {"=", "+", "-", "@", "\t"}
        assert line[8].removeprefix("'") in {visible(name), visible(name).removeprefix("'"), "end"}


def test_pandas_reads_the_csv_at_once() -> None:
    figure = Figure(82.5, "82.5", 80.0, 84.0)
    table = Table("latency", "t", (Column("time", "time", "ms"),), ((figure,), (None,)), ("note",))
    frame = pd.read_csv(io.StringIO(render("csv", table)))
    first: Any = frame.iloc[0].to_dict()
    assert (first["column"], first["unit"], first["value"]) == ("time", "ms", 82.5)
    assert (first["low"], first["high"], first["row"]) == (80.0, 84.0, 1)
    assert frame["column"].tolist() == ["time", "time", "note"]
    assert frame["value"].isna().tolist() == [False, True, True]


def terminal(*tables: Table, colour: bool = False, width: int = 100) -> str:
    shown: str = registry("formats").get("terminal").render_for(tables, colour=colour, width=width)
    return shown


def test_colour_adds_colour_and_nothing_else() -> None:
    table = Table(
        "t",
        "title",
        (Column("name", "name"), Column("verdict", "verdict")),
        (("[red]x[/red]", "faster"), ("y", "failed: crashed")),
        ("a note",),
    )
    plain, coloured = terminal(table), terminal(table, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[32mfaster" in coloured
    stripped = "\n".join(line.rstrip() for line in ANSI.sub("", coloured).splitlines())
    assert stripped + "\n" == plain
    assert "[red]x[/red]" in plain


@given(NAMES)
@settings(deadline=None, max_examples=60)
def test_a_name_stands_in_the_terminal_as_it_is(name: str) -> None:
    shown = terminal(one_cell(name), width=200)
    assert visible(name).rstrip() in shown


def test_names_above_are_not_repeated_but_never_dropped() -> None:
    columns = (Column("model", "model"), Column("target", "target"), Column("v", "v"))
    rows = (("m", "t", "1"), ("m", "t", "2"), ("m", "u", "1"), ("n", "u", "1"))
    lines = terminal(Table("t", "t", columns, rows)).splitlines()[3:]
    assert [line.split() for line in lines] == [["m", "t", "1"], ["2"], ["u", "1"], ["n", "u", "1"]]


def test_notes_of_several_tables_are_said_once_and_each_note_is_said() -> None:
    one = one_cell("x", notes=("shared", "only one"))
    two = one_cell("y", notes=("shared", "only two"))
    shown = terminal(one, two)
    assert [shown.count(note) for note in ("shared", "only one", "only two")] == [1, 1, 1]


def test_an_interval_goes_under_its_estimate_when_the_line_is_short() -> None:
    columns = tuple(Column(str(index), str(index), align="right") for index in range(3))
    gain = Figure(4.41, "4.41× [4.30, 4.52]")
    table = Table("t", "t", columns, ((gain, gain, gain),))
    assert "4.41× [4.30, 4.52]" in terminal(table, width=70)
    short = terminal(table, width=50)
    assert "[4.30, 4.52]  [4.30, 4.52]  [4.30, 4.52]" in short
    assert max(map(len, short.splitlines())) <= 50


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_is_cut_off_however_narrow(width: int) -> None:
    reason = "the page asked for 2 threads and saw 1, so it has no number"
    columns = (Column("model", "model"), Column("time", "time", "ms", "right"), Column("w", "why"))
    table = Table("t", "t", columns, (("mobilenet_v2", Figure(1.0, "12345.6"), reason),))
    shown = terminal(table, width=width)
    assert "12345.6" in shown
    assert "…" not in shown
    letters = re.sub(r"[\s─]", "", shown)
    assert all(word in letters for word in ("mobilenet_v2", "number"))
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_number_is_neither_broken_nor_dropped_for_want_of_room(width: int) -> None:
    words = tuple(Column(str(index), str(index)) for index in range(4))
    numbers = tuple(Column(f"n{index}", f"n{index}") for index in range(3))
    row: tuple[TableValue, ...] = (*["alpha beta"] * 4, *[Figure(1.0, "123456.789")] * 3)
    shown = terminal(Table("t", "t", words + numbers, (row,)), width=width)
    assert shown.count("123456.789") == 3
    assert shown.count("alpha") == shown.count("beta") == 4


class CellTexts(HTMLParser):
    """The text of each table cell and note, and every element that a page begins."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        if tag in {"th", "td", "li", "h3"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@given(NAMES, NAMES)
@example('<script>x</script>"', "</title></style><img src=x>")
@settings(deadline=None)
def test_html_shows_a_name_as_it_is(name: str, other: str) -> None:
    columns = (Column("a", other), Column("b", "b", "ms", "right"))
    table = Table("t", name, columns, ((name, Figure(1.0, other)),), (f"note {name}",))
    read = CellTexts(render("html", table))
    innocent = CellTexts(render("html", replace(table, title="t", notes=("note",))))
    assert read.elements == innocent.elements
    shown = [text.rstrip("\n") for text in read.cells]
    named = visible(name)
    assert shown == [named, visible(other), "b (ms)", named, visible(other), f"note {named}"]


def test_html_has_a_caption_headers_with_a_scope_and_numbers_to_the_right() -> None:
    columns = (Column("a", "model"), Column("b", "time", "ms", "right"))
    table = Table("t", "Latency", columns, (("m", Figure(1.0, "1.00")), ("n", None)))
    shown = render("html", table)
    assert '<caption><h3 id="t1-title">Latency</h3></caption>' in shown
    assert '<th scope="col" class="n">time <small>(ms)</small></th>' in shown
    assert '<tr><th scope="row">m</th><td class="n">1.00</td></tr>' in shown
    assert '<tr><th scope="row">n</th><td class="n">–</td></tr>' in shown


def test_html_says_a_section_once_and_a_shared_note_once() -> None:
    tables = (Table("t", title, (), (), ("shared",), section="Virtual") for title in "ab")
    shown = render("html", *tables)
    assert shown.count("<h2>Virtual</h2>") == 1
    assert shown.count("shared") == 1
