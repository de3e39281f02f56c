"""A YAML document as frozen nodes that know where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from harness.model import Scalar


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value at `start`..`end` of the text; `text` is what it says, as text."""

    start: int
    end: int
    text: str
    value: Scalar
    plain: bool
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence; `size` counts all nodes in it, `height` the levels below it."""

    start: int
    end: int
    items: tuple[Node, ...]
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping, in the order of the text; `flow` if it is written in braces."""

    start: int
    end: int
    entries: Mapping[str, Entry]
    flow: bool
    size: int
    height: int

    def entry(self, key: str) -> Entry | None:
        """Return the entry of that key, or None."""
        return self.entries.get(key)

    def get(self, key: str) -> Node | None:
        """Return the value of that key, or None."""
        entry = self.entry(key)
        return entry.value if entry else None

    def text(self, key: str) -> ScalarNode | None:
        """Return the value of that key if it is text, else None."""
        value = self.get(key)
        return value if isinstance(value, ScalarNode) and isinstance(value.value, str) else None

    def filtered(self, keep: Callable[[str], bool]) -> MapNode:
        """Return this mapping with only the keys that are wanted."""
        return replace(self, entries={key: self.entries[key] for key in self.entries if keep(key)})


NO_KEYS = MapNode(0, 0, {}, flow=True, size=1, height=0)

Node: TypeAlias = ScalarNode | ListNode | MapNode


def data(node: Node) -> Any:
    """Return what a node says as plain dicts, lists and scalars."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [data(item) for item in node.items]
        case MapNode():
            return {key: data(entry.value) for key, entry in node.entries.items()}


def entries_of(node: Node | None) -> Mapping[str, Entry]:
    """Return a mapping's entries; none for anything else."""
    return node.entries if isinstance(node, MapNode) else {}


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path leads: the value, the key it stands under, and the names on the way."""

    node: Node
    key: ScalarNode | None
    trail: tuple[str, ...]


def follow(root: Node, path: Iterable[str | int]) -> Found:
    """Walk a path as far as it goes; parts that name nothing in the document are passed over."""
    found = Found(root, None, ())
    for part in path:
        match found.node:
            case MapNode() as mapping if isinstance(part, str) and (entry := mapping.entry(part)):
                found = Found(entry.value, entry.key, (*found.trail, part))
            case ListNode() as listed if isinstance(part, int) and part < len(listed.items):
                found = Found(listed.items[part], found.key, found.trail)
            case _:
                continue
    return found
