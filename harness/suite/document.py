"""The one door for PyYAML: text becomes nodes with positions, and traps become mistakes.

Stricter than YAML 1.1, near the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/, 10.3):
without quotes only `true`, `false`, `null` (also `~` and nothing), decimal integers without
leading zeros, and floats such as `1.5` or `1e3` are anything but text. So `NO`, `on`, `1:30`,
`0123456`, `1_000`, `0xFF` and dates stay what they look like. Tags, merge keys, duplicate
keys and keys that are not text are mistakes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import yaml
from yaml import events
from yaml.reader import ReaderError

from harness.model import Scalar
from harness.suite.finding import Mistake
from harness.suite.nodes import Entry, ListNode, MapNode, Node, ScalarNode

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASES = 50
MAX_NODES = 20_000

_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
# Longer runs of digits are hashes and serial numbers, not counts.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,29})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(?=[.eE])(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its root, or None where reading had to stop; and what is wrong with it."""

    root: Node | None
    mistakes: tuple[Mistake, ...]


def read(text: str, *, begin: str = "suite: NAME") -> Document:
    """Read one YAML document; never raises for any text. `begin` is what files begin with."""
    builder = _Builder(begin)
    try:
        root = builder.document(text)
    except _Stopped as stopped:
        return Document(None, (*builder.mistakes, stopped.mistake))
    return Document(root, tuple(builder.mistakes))


def scalar_value(text: str) -> Scalar:
    """Return what a scalar without quotes means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        # 1e999 is no number that JSON or a device could be given.
        return number if math.isfinite(number) else text
    return text


class _Stopped(Exception):
    """Nothing behind this place can be read."""

    def __init__(self, index: int, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.mistake = Mistake(index, message, suggestion)


class _Builder:
    """Builds nodes from PyYAML's events; holds anchors, counts, and the mistakes so far."""

    def __init__(self, begin: str) -> None:
        self.mistakes: list[Mistake] = []
        self._begin = begin
        self._text = ""
        self._loader: yaml.SafeLoader
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._nodes = 0

    def document(self, text: str) -> Node:
        self._text = text
        try:
            self._loader = yaml.SafeLoader(text)
        except ReaderError as error:
            raise _unprintable(text, error.position) from error
        self._next()
        if isinstance(first := self._next(), events.StreamEndEvent):
            raise _Stopped(0, "the file is empty", f"begin with `{self._begin}`")
        root = self._node(self._next(), 1)
        self._next()
        if isinstance(further := self._next(), events.DocumentStartEvent):
            self._mistake(_start(further), "a second document begins: one suite a file")
        if isinstance(root, ScalarNode) and root.value is None:
            raise _Stopped(_start(first), "the file is empty", f"begin with `{self._begin}`")
        return root

    def _next(self) -> events.Event:
        try:
            # PyYAML's stubs leave the event's type open.
            event: events.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(self._text, error) from error
        except (ValueError, OverflowError) as error:
            # chr() inside PyYAML, for "\U00110000" and beyond
            index = self._loader.get_mark().index
            raise _Stopped(index, "this escape names no character", "correct it") from error
        return event

    def _mistake(self, index: int, message: str, suggestion: str = "") -> None:
        self.mistakes.append(Mistake(index, message, suggestion))

    def _node(self, event: events.Event, depth: int) -> Node:
        index = _start(event)
        if depth > MAX_DEPTH:
            raise _Stopped(index, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, events.AliasEvent):
            return self._aliased(event, depth)
        self._count(index, 1)
        if not isinstance(event, events.ScalarEvent | events.CollectionStartEvent):
            raise _Stopped(index, "this is not understood")  # no document gets here
        if event.tag is not None:
            self._mistake(index, f"tags such as {event.tag!r} are refused", "leave the tag away")
        node: Node
        match event:
            case events.ScalarEvent():
                node = self._scalar(event)
            case events.SequenceStartEvent():
                node = self._list(event, depth)
            case _:
                node = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _count(self, index: int, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _Stopped(index, f"more than {MAX_NODES} values, aliases counted in full")

    def _aliased(self, event: events.AliasEvent, depth: int) -> Node:
        index = _start(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise _Stopped(index, f"more than {MAX_ALIASES} aliases", "write the values out")
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise _Stopped(
                index,
                f"*{event.anchor} stands for nothing",
                f"mark a value above as &{event.anchor}",
            )
        self._count(index, node.size)
        if depth + node.height > MAX_DEPTH:
            raise _Stopped(index, f"nested more than {MAX_DEPTH} levels deep")
        return replace(node, start=index, end=_end(event))

    def _scalar(self, event: events.ScalarEvent) -> ScalarNode:
        index, text = _start(event), event.value
        plain = event.style is None and event.tag is None
        if unusable := _UNUSABLE.search(text):
            self._mistake(index, f"U+{ord(unusable[0]):04X} cannot be part of a text", "remove it")
            text = _UNUSABLE.sub("\ufffd", text)
        value = scalar_value(text) if plain else text
        return ScalarNode(index, _end(event), text, value, plain)

    def _list(self, event: events.SequenceStartEvent, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(below := self._next(), events.SequenceEndEvent):
            items.append(self._node(below, depth + 1))
        size, height = _extent(items)
        return ListNode(_start(event), _end(below), tuple(items), size, height)

    def _mapping(self, event: events.Event, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        inside: list[Node] = []
        while not isinstance(below := self._next(), events.MappingEndEvent):
            key = self._node(below, depth + 1)
            value = self._node(self._next(), depth + 1)
            inside += (key, value)
            self._enter(entries, key, value)
        size, height = _extent(inside)
        flow = bool(getattr(event, "flow_style", False))
        return MapNode(_start(event), _end(below), entries, flow, size, height)

    def _enter(self, entries: dict[str, Entry], key: Node, value: Node) -> None:
        if not isinstance(key, ScalarNode):
            self._mistake(key.start, "a key must be a single text, not a list or a mapping")
            return
        if key.plain and key.text == "<<":
            self._mistake(
                key.start,
                "merge keys (<<) are refused",
                "write the keys out, or repeat a whole value with &name and *name",
            )
            return
        if not isinstance(key.value, str):
            what = f"the key {key.text} is not text" if key.text else "a key is missing here"
            self._mistake(key.start, what, f"quote it: '{key.text}'" if key.text else "")
        first = entries.setdefault(key.text, Entry(key, value))
        if first.key is not key:
            line = _line(self._text, first.key.start)
            self._mistake(
                key.start, f"duplicate key {key.text!r}, first on line {line}", "keep one of them"
            )


def _start(event: events.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: events.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


def _extent(nodes: list[Node]) -> tuple[int, int]:
    size = 1 + sum(node.size for node in nodes)
    return size, 1 + max((node.height for node in nodes), default=0)


def _line(text: str, index: int) -> int:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1


def _unprintable(text: str, index: int) -> _Stopped:
    return _Stopped(
        index,
        f"the character U+{ord(text[index]):04X} may not stand in YAML",
        "remove it, or save the file as UTF-8 text",
    )


# What PyYAML says (a part of it), what we say, and what helps. {opening} is the line where
# the construct began that PyYAML was reading.
_SYNTAX = (
    ("'\\t' that cannot start", "a tab stands where only spaces may", "indent with spaces"),
    ("that cannot start any token", "text cannot begin with this character", "quote the text"),
    (
        "mapping values are not allowed",
        "a ':' cannot stand here",
        "check the indentation, or quote text that has ': ' in it",
    ),
    (
        "expected <block end>",
        "this does not fit what stands above",
        "give all keys of one level the same number of spaces, and close every bracket once",
    ),
    ("expected ',' or ']'", "expected ',' or ']' in the list that opens on line {opening}", ""),
    ("expected ',' or '}'", "expected ',' or '}}' in the mapping that opens on line {opening}", ""),
    (
        "unknown escape character",
        "no such escape in double quotes",
        "use single quotes, in which a backslash is a backslash",
    ),
    ("undefined tag handle", "tags are refused", "leave the tag away"),
    ("expected '<document start>'", "the document has ended above this", "correct the indentation"),
    ("expected the node content", "a value is missing before this", ""),
)


def _syntax_error(text: str, error: yaml.MarkedYAMLError) -> _Stopped:
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(text)) if mark else 0
    problem = error.problem or "this cannot be read"
    opening = _line(text, error.context_mark.index if error.context_mark else index)
    end = len(text.rstrip())
    if error.context_mark:
        begun = min(error.context_mark.index, max(end - 1, 0))
        if "could not find expected ':'" in problem:
            return _Stopped(begun, "the ':' behind this key is missing", "write `key: value`")
        if index >= end:
            return _Stopped(begun, "what opens here is not closed before the file ends")
    for said, message, suggestion in _SYNTAX:
        if said in problem:
            return _Stopped(index, message.format(opening=opening), suggestion)
    return _Stopped(index, f"not valid YAML: {problem}")
