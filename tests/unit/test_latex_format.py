"""LaTeX tables, read back by an independent reader."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text

from harness.formats.latex import PLUGIN, escaped
from harness.model import Column, Figure, Table
from harness.table_text.visible import visible

# What the reader leaves out, or reads as another character than LaTeX sets.
UNKNOWN = {
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "{|}",
    r"\textquotedbl{}": '{"}',
}
ACTING = "abc \\{}$&#_^~%[]*<>|\"`'-≤≥−\n"


def read(latex: str) -> str:
    reader = LatexNodes2Text(keep_comments=True, strict_latex_spaces=True)
    for command, character in UNKNOWN.items():
        latex = latex.replace(command, character)
    text: str = reader.latex_to_text(latex)
    return text.replace("\u02c6", "^")


@settings(deadline=None, max_examples=300)
@given(st.text(ACTING, max_size=20))
@example(r"\input{/etc/passwd}")
@example("$x$ % comment")
@example("^^5c^^5c")
def test_a_name_is_set_as_it_is(name: str) -> None:
    # Behind a letter, so that spaces at the ends are not the reader's to drop.
    assert read(f"a{escaped(name)}b").replace("−", "-").split() == (
        f"a{visible(name)}b".replace("−", "-").split()
    )


@settings(deadline=None)
@given(st.text(ACTING, max_size=20))
def test_no_name_ends_its_row_or_its_cell(name: str) -> None:
    columns = (Column("a", f"a{name}", name), Column("b", "b"))
    latex = PLUGIN.render((Table("t", name, columns, ((name, name), (name, None)), (name,)),))
    rows = [line for line in latex.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == 1
        assert not row.startswith("[")


def test_numbers_stand_to_the_right_and_bars_are_left_out() -> None:
    table = Table(
        "t",
        "T",
        (Column("a", "a"), Column("n", "time", "ms", "right"), Column("bar", "")),
        (("x", Figure(1.5, "1.50"), Figure(1.0, "▉▉")),),
    )
    latex = PLUGIN.render((table,))
    assert r"\begin{tabular}{lr}" in latex
    assert r"x & 1.50 \\" in latex
    assert "▉" not in latex


@pytest.mark.parametrize("rows", [(), ((),)])
def test_a_table_without_anything_in_it_is_no_environment(rows: tuple[tuple[()], ...]) -> None:
    assert "tabular" not in PLUGIN.render((Table("t", "T", (), rows),))
