"""What every format must do with any table, a stranger's format included."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pytest

from harness.model import Column, Figure, Table, TableValue
from harness.plugins import Format, registry

HOSTILE = (
    "a|b",
    "\x1b[31mred\x1b[0m",
    "two\nlines\r\nand\ttabs",
    "<script>alert(1)</script>",
    "[link](https://example.org)",
    "![image](https://example.org/x.png)",
    "`code` **bold** _it_ ~~gone~~",
    "[red]markup[/red]",
    "\u202eright to left\u202c \u200bzero \u2028line",
    "=HYPERLINK(1)",
    "back\\slash \\| &amp;",
    "\ud800",
    "\x9b31m",
    "",
    " ",
)
EMPTY = Table("empty", "Nothing", (), ())
NO_ROWS = Table("coverage", "Coverage", (Column("a", "a"),), (), ("All measured.",))


def hostile_table() -> Table:
    columns = (Column("name", "name"), *(Column(text, text, text) for text in HOSTILE))
    figures: tuple[TableValue, ...] = tuple(Figure(1.5, text) for text in HOSTILE)
    rows = tuple((text, *figures) for text in HOSTILE)
    return Table("hostile", HOSTILE[0], columns, rows, HOSTILE, section=HOSTILE[1])


def plain_table() -> Table:
    return Table(
        name="latency",
        title="Latency",
        columns=(
            Column("model", "model"),
            Column("time", "time", "ms", "right"),
            Column("gain", "gain", align="right"),
        ),
        rows=(
            ("mobilenet", Figure(82.5, "82.5", 79.9, 84.0), Figure(4.41, "4.41× [4.30, 4.52]")),
            ("blazeface", None, "no ratio"),
            ("0123456", Figure(1.1, "1.10"), Figure(1e5, "1e5")),
        ),
        notes=("Measured today.",),
    )


@pytest.fixture(params=registry("formats").names)
def plugin(request: pytest.FixtureRequest) -> Format:
    found: Format = registry("formats").get(request.param)
    return found


def tables() -> Iterable[tuple[Table, ...]]:
    yield ()
    yield (EMPTY,)
    yield (NO_ROWS,)
    yield (plain_table(),)
    yield (hostile_table(), EMPTY, plain_table())


def test_any_tables_become_text_that_ends_with_one_newline(plugin: Format) -> None:
    for chosen in tables():
        shown = plugin.render(chosen)
        assert shown.endswith("\n")
        assert not shown.endswith("\n\n")


def test_the_same_tables_become_the_same_text(plugin: Format) -> None:
    for chosen in tables():
        assert plugin.render(chosen) == plugin.render(chosen)


def test_every_value_is_shown_as_it_was_written(plugin: Format) -> None:
    shown = plugin.render((plain_table(),))
    for text in ("mobilenet", "82.5", "4.41", "no ratio", "0123456", "1.10", "1e5", "Measured"):
        assert text in shown


def test_no_name_acts_on_a_terminal_or_leaves_its_line(plugin: Format) -> None:
    shown = plugin.render((hostile_table(),))
    acting = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert acting <= {"\n"}
    shown.encode()


def test_a_name_adds_no_line(plugin: Format) -> None:
    def lines(name: str) -> int:
        return plugin.render((Table("t", "t", (Column("a", "a"),), ((name,),)),)).count("\n")

    assert {lines(name) for name in HOSTILE if name.strip()} == {lines("name")}


def test_the_plugin_names_what_it_writes(plugin: Format) -> None:
    kind, _, subtype = plugin.media_type.partition("/")
    assert kind
    assert subtype
