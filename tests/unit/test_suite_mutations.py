"""However a suite is damaged, it loads, or one error says where it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import suite_fakes
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.suite.load import load, parse, validate
from harness.suite.values import Suite

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
TEXT = QUICKSTART.read_text(encoding="utf-8")
FRAGMENTS = st.sampled_from(
    [
        "", " ", "\n", "\t", ":", ": ", "- ", ",", "{", "}", "[", "]", "'", '"', "#", " #", "&a ",
        "*a", "!x ", "!!python/name:os.system ", "<<: ", "? ", "|", ">", "%", "@", "`", "~", "null",
        "NO", "1:30", "0123456", "1.10", "1e999", "true", "\r", "\u2028", "\ufeff", "\x00", "\x1b",
        "é", "日", '"\\ud800"', '"\\UFFFFFFFF"', "---\n", "...\n", "suite: x\n", "  plain: {}\n", "\\",
        "https://x.org/a", "{a: *a}", "variants", "threads", "9" * 5000, "[" * 60, "-1", "0.5", "[]",
    ]
)  # fmt: skip
PLACES = st.integers(0, len(TEXT))
WORDS = sorted({(match.start(), match.end()) for match in re.finditer(r"[\w./-]+", TEXT)})


def check(text: str) -> Suite | None:
    try:
        return parse(text, Path("s.yaml"), plugins=suite_fakes.plugins)
    except SuiteError as error:
        lines = str(error).splitlines()
        assert re.match(r"s\.yaml:\d+:\d+: \S", lines[0])
        assert error.hint
        # Three lines a mistake: what, the line, the caret; the caret is below the column.
        assert all(re.match(r"s\.yaml:\d+:\d+: ", line) for line in lines[::3] if line[0] != "…")
        assert all(line.strip() == "^" for line in lines[2::3])
        return None


@given(st.lists(st.tuples(PLACES, st.integers(0, 12), FRAGMENTS), min_size=1, max_size=4))
@settings(deadline=None, max_examples=600)
def test_cutting_and_inserting_anywhere_never_surprises(
    cuts: list[tuple[int, int, str]],
) -> None:
    text = TEXT
    for place, length, fragment in cuts:
        text = text[:place] + fragment + text[place + length :]
    check(text)


@given(st.sampled_from(WORDS), FRAGMENTS | st.text(max_size=10))
@settings(deadline=None, max_examples=600)
def test_replacing_any_word_never_surprises(word: tuple[int, int], other: str) -> None:
    start, end = word
    check(TEXT[:start] + other + TEXT[end:])


@given(st.sampled_from(WORDS), st.sampled_from(WORDS))
@settings(deadline=None, max_examples=300)
def test_swapping_words_never_surprises(one: tuple[int, int], other: tuple[int, int]) -> None:
    (a, b), (c, d) = sorted((one, other))
    if b <= c:
        check(TEXT[:a] + TEXT[c:d] + TEXT[b:c] + TEXT[a:b] + TEXT[d:])


@given(st.permutations(range(len(TEXT.splitlines()))), st.integers(0, 40))
@settings(deadline=None, max_examples=150)
def test_lines_in_any_order_never_surprise(order: list[int], kept: int) -> None:
    lines = TEXT.splitlines(keepends=True)
    check("".join(lines[index] for index in order[:kept]))


@pytest.mark.parametrize("end", range(0, len(TEXT), 3))
def test_a_suite_that_was_cut_short_never_surprises(end: int) -> None:
    check(TEXT[:end])


@given(
    st.binary(max_size=300) | st.just(TEXT.encode()), st.integers(0, 2**16), st.binary(max_size=3)
)
@settings(deadline=None, max_examples=200)
def test_damaged_bytes_on_disk_never_surprise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int, damage: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    at = place % (len(content) + 1)
    path.write_bytes(content[:at] + damage + content[at + len(damage) :])
    findings = validate(path, plugins=suite_fakes.plugins)
    assert findings or load(path, plugins=suite_fakes.plugins) is not None
    assert all(finding.line >= 1 and finding.column >= 1 for finding in findings)
