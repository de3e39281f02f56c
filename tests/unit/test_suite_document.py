"""The YAML door: what plain text means, what is refused, and where."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.suite import document
from harness.suite.finding import Finding, did_you_mean, findings
from harness.suite.nodes import ListNode, MapNode, ScalarNode, data


def read(text: str) -> Any:
    found = document.read(text)
    assert found.mistakes == ()
    assert found.root is not None
    return data(found.root)


def told(text: str) -> tuple[Finding, ...]:
    return findings(text, "f.yaml", document.read(text).mistakes)


def only(text: str) -> Finding:
    [finding] = told(text)
    return finding


@pytest.mark.parametrize(
    "plain",
    [
        "NO", "no", "yes", "on", "off", "y", "n", "True", "FALSE", "Null", "1:30", "22:22", "190:20:30",
        "0123456", "007", "0o17", "1_000", "0xFF", "0b11", "2024-01-02", "2024-01-02T03:04:05Z",
        "=", ".inf", "-.inf", ".nan", "1e999", "1e99999", "1.2.3", "-", "1e", "e3", "-0x1", "+",
        "4" * 40, "12345678901234567890123456789012", "0e", "00.5", "1,5", "1 000",
    ],
)  # fmt: skip
def test_what_yaml_1_1_would_turn_into_something_else_stays_text(plain: str) -> None:
    assert read(f"k: {plain}x")["k"] == f"{plain}x"
    if plain != "-":  # a dash alone begins a list
        assert read(f"k: {plain}") == {"k": plain}


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("0", 0), ("-3", -3), ("+4", 4), ("123", 123), ("1e3", 1000.0), ("1.10", 1.1), (".5", 0.5),
        ("5.", 5.0), ("-1.5e-3", -0.0015), ("1E+2", 100.0), ("0.0", 0.0),
    ],
)  # fmt: skip
def test_the_core_schema_knows_these_constants_and_numbers(plain: str, value: object) -> None:
    found = read(f"k: {plain}")["k"]
    assert found == value
    assert type(found) is type(value)


@given(st.integers(-(10**29), 10**29))
@settings(deadline=None)
def test_every_integer_of_a_device_is_read_back(number: int) -> None:
    assert read(f"k: {number}") == {"k": number}


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_every_finite_float_is_read_back(number: float) -> None:
    found = read(f"k: {number!r}")["k"]
    assert found == number
    assert isinstance(found, float)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(deadline=None)
def test_quoted_text_is_always_that_text(text: str) -> None:
    dumped = yaml.safe_dump({"k": text}, default_style='"', allow_unicode=False)
    expected = () if "\0" not in text else ("U+0000",)
    found = document.read(dumped)
    assert len(found.mistakes) == len(expected)
    if not expected:
        assert read(dumped) == {"k": text}


def test_positions_are_those_of_an_editor() -> None:
    line = "  日本: {x: [1, é, @]}"
    finding = only(f"\ufeffsuite: a\r\nmodels:\r\n{line}\r\n")
    assert (finding.line, finding.column) == (3, line.index("@") + 1)
    assert finding.source_line == line
    two_wide_characters_before = 2
    caret = str(finding).splitlines()[-1]
    assert caret.index("^") == 4 + line.index("@") + two_wide_characters_before
    assert only("\ufeff@").column == 1


def test_a_unicode_line_separator_does_not_move_the_lines() -> None:
    finding = only("a: 1\u2028b: 2\nc: @\n")
    assert (finding.line, finding.column) == (2, 4)


def test_every_node_knows_where_it_begins_and_ends() -> None:
    text = "a: {b: 'x y', c: [1, two]}\nd: |\n  block\n"
    root = document.read(text).root
    assert isinstance(root, MapNode)
    a, d = root.get("a"), root.get("d")
    assert isinstance(a, MapNode)
    assert text[a.start : a.end] == "{b: 'x y', c: [1, two]}"
    assert a.flow
    assert not root.flow
    b, c = a.get("b"), a.get("c")
    assert b is not None
    assert text[b.start : b.end] == "'x y'"
    assert isinstance(c, ListNode)
    assert [text[item.start : item.end] for item in c.items] == ["1", "two"]
    assert isinstance(d, ScalarNode)
    assert not d.plain


def test_a_duplicate_key_names_both_lines() -> None:
    finding = only("a: 1\nb: 2\n'a': 3\n")
    assert (finding.line, finding.column) == (3, 1)
    assert finding.message == "duplicate key 'a', first on line 1"


def test_all_mistakes_of_structure_are_told_at_once() -> None:
    found = told("a: 1\na: 2\n<<: {b: 1}\nc: !!int 3\n1.10: x\n? [k]\n: 1\nnull: 2\n? \n: 3\n")
    assert [(one.line, one.column, one.message) for one in found] == [
        (2, 1, "duplicate key 'a', first on line 1"),
        (3, 1, "merge keys (<<) are refused"),
        (4, 4, "tags such as 'tag:yaml.org,2002:int' are refused"),
        (5, 1, "the key 1.10 is not text"),
        (6, 3, "a key must be a single text, not a list or a mapping"),
        (8, 1, "the key null is not text"),
        (9, 2, "a key is missing here"),
    ]


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['touch /tmp/pwned']",
        "!!python/name:os.system",
        "!x 1",
        "! 1",
    ],
)
def test_tags_are_refused_and_do_nothing(tagged: str) -> None:
    assert "tags" in only(f"k: {tagged}").message


def test_a_billion_laughs_is_refused() -> None:
    levels = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    levels += [
        f"{name}: &{name} [" + ", ".join([f"*{below}"] * 9) + "]"
        for below, name in zip("abcdef", "bcdefg", strict=True)
    ]
    assert "more than 20000 values" in only("\n".join(levels)).message


def test_the_fifty_first_alias_is_refused() -> None:
    finding = only("a: &a 1\nb: [" + "*a, " * 51 + "]")
    assert "more than 50 aliases" in finding.message
    assert (finding.line, finding.column) == (2, 5 + 50 * 4)


def test_few_aliases_that_grow_without_bound_are_refused_too() -> None:
    levels = ["a0: &a0 [x, x, x]"]
    levels += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 16)]
    assert "more than 20000 values" in only("\n".join(levels)).message


def test_fifty_aliases_are_fine_and_stand_where_they_are_used() -> None:
    text = "a: &a {x: 1}\nb: [" + ", ".join(["*a"] * 50) + "]\n"
    found = document.read(text)
    assert found.mistakes == ()
    assert isinstance(found.root, MapNode)
    listed = found.root.get("b")
    assert isinstance(listed, ListNode)
    assert [text[item.start : item.end] for item in listed.items] == ["*a"] * 50


def test_an_alias_cannot_stand_for_what_it_is_part_of() -> None:
    assert only("a: &a [*a]").message == "*a stands for nothing"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_at_its_fiftieth_level(opening: str) -> None:
    assert document.read(opening * 49 + "x").root is not None or opening in "[{a: "
    finding = only(opening * 5000)
    assert "nested more than 50 levels deep" in finding.message
    assert finding.line == 1


def test_an_alias_does_not_hide_depth() -> None:
    text = "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30
    assert "nested more than 50 levels deep" in only(text).message


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", (1, 1), "the file is empty"),
        ("# only words\n", (1, 1), "the file is empty"),
        ("---\n", (1, 1), "the file is empty"),
        ("a:\n\tb: 1\n", (2, 1), "a tab stands where only spaces may"),
        ("a: b: c\n", (1, 5), "a ':' cannot stand here"),
        ("a: [1, 2\nb: 3\n", (2, 2), "expected ',' or ']' in the list that opens on line 1"),
        ("a: {b: 1\n", (1, 4), "what opens here is not closed before the file ends"),
        ("a: 'x\n", (1, 4), "what opens here is not closed before the file ends"),
        ("a: 1\nb\n", (2, 1), "the ':' behind this key is missing"),
        ("a: 1\nb\nc: 1\n", (2, 1), "the ':' behind this key is missing"),
        ("a:\n  b: 1\n c: 2\n", (3, 2), "this does not fit what stands above"),
        ('a: "\\q"\n', (1, 6), "no such escape in double quotes"),
        ('a: "\\U00110000"\n', (1, 7), "this escape names no character"),
        ('a: "\\UFFFFFFFF"\n', (1, 7), "this escape names no character"),
        ('a: "\\ud800"\n', (1, 4), "U+D800 cannot be part of a text"),
        ('a: "\\0"\n', (1, 4), "U+0000 cannot be part of a text"),
        ("a: @x\n", (1, 4), "text cannot begin with this character"),
        ("a: \x07\n", (1, 4), "the character U+0007 may not stand in YAML"),
        ("a: \x1b[31m\n", (1, 4), "the character U+001B may not stand in YAML"),
        ("--- \na: 1\n---\nb: 1\n", (3, 1), "a second document begins: one suite a file"),
        ("{a: b}\nc: d\n", (2, 1), "the document has ended above this"),
        ("%YAML 3.0\n---\na: 1\n", (1, 1), "not valid YAML: found incompatible YAML document"),
    ],
)
def test_broken_text_is_one_clear_mistake(text: str, place: tuple[int, int], message: str) -> None:
    finding = only(text)
    assert (finding.line, finding.column) == place
    assert finding.message.startswith(message)


def test_a_mistake_never_prints_what_a_terminal_would_obey() -> None:
    shown = str(only("a: \x1b]0;title\x07 # \u202e\n"))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_a_long_line_is_shown_around_its_mistake() -> None:
    finding = only("a: [" + "x, " * 3000 + "@, " + "y, " * 3000 + "]")
    assert finding.column == 4 + 9000 + 1
    assert len(finding.source_line) < 200
    assert finding.source_line[finding.caret] == "@"


def test_a_file_of_a_megabyte_is_refused_or_read_without_blowing_up() -> None:
    for text in (
        "- a\n" * 250_000,
        "x" * 1_000_000,
        "# " + "c" * 999_000,
        "k: '" + "a\n\n" * 300_000,
    ):
        found = document.read(text)
        assert found.root is not None or found.mistakes


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
@settings(deadline=None, max_examples=300)
def test_no_text_makes_the_reader_raise(text: str) -> None:
    found = document.read(text)
    assert found.root is not None or found.mistakes
    for finding in findings(text, "f.yaml", found.mistakes):
        assert finding.line >= 1
        assert finding.column >= 1
        assert str(finding).startswith("f.yaml:")


@given(st.lists(st.sampled_from(list("[]{}:,-?&*!|>'\"%@`#ab1 \n\t~<.")), max_size=60).map("".join))
@settings(deadline=None, max_examples=500)
def test_no_mix_of_yaml_signs_makes_the_reader_raise(text: str) -> None:
    found = document.read(text)
    assert found.root is not None or found.mistakes


# PyYAML writes 1e3 and 0E0 without quotes: to YAML 1.1 they are text.
TEXTS = st.text(max_size=8).filter(lambda text: isinstance(document.scalar_value(text), str))
SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | TEXTS


@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=20,
    )
)
@settings(deadline=None)
def test_whatever_pyyaml_dumps_quoted_or_plain_reads_back_equal(value: object) -> None:
    text = yaml.safe_dump({"k": value}, allow_unicode=False)
    found = document.read(text)
    if not found.mistakes:
        assert found.root is not None
        assert data(found.root) == {"k": value}
    else:
        assert all("U+" in mistake.message for mistake in found.mistakes)


def test_a_near_word_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("treads", ["threads", "wasm"]) == "did you mean 'threads'?"
    assert did_you_mean("THREADS", ["threads"]) == "did you mean 'threads'?"
    assert did_you_mean("quux", ["threads", "wasm"]) == ""
    assert did_you_mean("threads" * 1000, ["threads"]) == ""
