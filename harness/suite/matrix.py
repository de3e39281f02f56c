"""`matrix:` and lists of values: one entry of a suite becomes an entry per combination.

It is nodes that are expanded, before anything is checked. Each expanded entry keeps the places
of what it was made from, so that whatever is wrong with it is told where it stands in the file,
and all that comes after this (baselines, ratios, `--only`) knows expanded names alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import TypeAlias

from harness.suite.document import MAX_NODES
from harness.suite.finding import Mistake, did_you_mean
from harness.suite.keys import ModelKeys
from harness.suite.matrix_names import (
    PLACEHOLDER,
    THREADS,
    Chosen,
    default_name,
    patterned_name,
)
from harness.suite.nodes import Entry, ListNode, MapNode, Node, ScalarNode, data, entries_of
from harness.suite.values import Point

MATRIX, NAME = "matrix", "name"
RESERVED = frozenset({MATRIX, NAME})
"""The keys that make an entry expand; no variant and no network has such an option."""
MOST_COMBINATIONS = 256
MOST_CELLS = 10_000
_MODEL_KEYS = frozenset(ModelKeys.model_fields)

Path: TypeAlias = tuple[str, ...]
_Put: TypeAlias = Callable[[MapNode, ScalarNode, Node], MapNode]


@dataclass(frozen=True, slots=True)
class Expanded:
    """A suite without matrices; `points` are by (`models`, name) or (`targets`, target, name)."""

    root: MapNode
    points: Mapping[Path, Point]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class ListsTaken:
    """The options whose value is a list by itself, so that a list there is no axis."""

    of_driver: Callable[[str], frozenset[str]]
    of_network: Callable[[str], frozenset[str]]


def expanded(root: MapNode, lists: ListsTaken) -> Expanded:
    """Expand every model and every variant of a suite; what is wrong is told and passed over."""
    work = _Expansion(lists)
    root = _below(root, "models", lambda models: work.entries(("models",), models, work.model))
    root = _below(root, "targets", work.targets)
    work.bounded(root)
    return Expanded(root, work.points, tuple(work.mistakes))


@dataclass(frozen=True, slots=True)
class _Axis:
    """The values of one key, and how one of them is written into the entry."""

    key: ScalarNode
    values: tuple[Node, ...]
    put: _Put
    added: Node | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """One entry as it will stand; `point` is None where nothing was expanded."""

    name: str
    written: Entry
    keys: Node
    point: Point | None = None

    @property
    def added(self) -> bool:
        return self.point is not None and self.point.added


@dataclass(slots=True)
class _Expansion:
    """What was met so far; `values` counts what the expanded entries hold."""

    lists: ListsTaken
    points: dict[Path, Point] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    values: int = 0

    def bounded(self, root: MapNode) -> None:
        """Refuse what no session could ever measure, before anything is made of it."""
        models, targets = root.get("models"), root.entry("targets")
        files = sum(_files(entry.value) for entry in entries_of(models).values())
        variants = sum(
            len(entries_of(entry.value.get("variants")))
            for entry in entries_of(targets.value if targets else None).values()
            if isinstance(entry.value, MapNode)
        )
        if targets and files * variants > MOST_CELLS:
            told = f"targets: {files} files of models × {variants} variants are {files * variants} "
            told += f"cells, and {MOST_CELLS} are the most"
            self._wrong(targets.key, told, "shorten the lists, or write several suites")

    def targets(self, targets: MapNode) -> MapNode:
        for name, entry in targets.entries.items():
            if isinstance(entry.value, MapNode):
                targets = _put(targets, entry.key, self._target(name, entry.value))
        return targets

    def _target(self, name: str, target: MapNode) -> MapNode:
        driver = target.text("driver")
        taken = self.lists.of_driver(driver.text) if driver else frozenset()

        def variant(keys: MapNode) -> tuple[MapNode, list[_Axis]]:
            axes = [*_listed(keys, taken, _put), *self._matrix(keys, lambda _: _put)]
            return keys, [_with_one_thread(axis) for axis in axes]

        path = ("targets", name)
        return _below(target, "variants", lambda keys: self.entries(path, keys, variant))

    def model(self, keys: MapNode) -> tuple[MapNode, list[_Axis]]:
        """Return a model's axes: keys of its own, and options of the network that it is."""
        generate = keys.get("generate")
        axes: list[_Axis] = []
        if isinstance(generate, MapNode):
            network = generate.text("network")
            taken = self.lists.of_network(network.text) if network else frozenset()
            axes += _listed(generate, taken, _put_in_generate)
        own = _MODEL_KEYS if generate else frozenset()
        for axis in self._matrix(
            keys, lambda key: _put if key in own or not generate else _put_in_generate
        ):
            if axis.key.text == "file" and generate:
                # A file is a part of every cell by itself: an axis of them is what `files` says.
                listed = ListNode(axis.key.start, axis.key.end, axis.values, size=1, height=1)
                files = replace(axis.key, text="files", value="files")
                keys = keys if self._beside(axis.key, keys, "files") else _put(keys, files, listed)
            else:
                axes.append(axis)
        return keys, axes

    def entries(
        self,
        path: Path,
        entries: MapNode,
        axes_of: Callable[[MapNode], tuple[MapNode, list[_Axis]]],
    ) -> MapNode:
        """Expand the entries of one mapping; names stay unique in it, and in the text's order."""
        made = [each for entry in entries.entries.values() for each in self._entry(entry, axes_of)]
        listed = {each.name for each in made if not each.added}
        # The suite may have its point of one thread under that name already.
        made = [each for each in made if not (each.added and each.name in listed)]
        kept = {each.name: each for each in made if each.point is None}
        names: dict[str, Entry] = {}
        for each in made:
            if each.point and self._taken(each, each.point, kept):
                continue
            kept[each.name] = each
            key = each.written.key
            if each.point:
                key = replace(key, text=each.name, value=each.name)
                self.points[(*path, each.name)] = each.point
            names[each.name] = Entry(key, each.keys)
        return replace(entries, entries=names)

    def _taken(self, made: _Made, point: Point, kept: Mapping[str, _Made]) -> bool:
        other = kept.get(made.name)
        if other is None:
            return False
        name = made.name[:80]
        if other.written is made.written:
            told, mend = f"two of its combinations are called {name!r}", "have `name:` tell apart "
            mend += ", ".join(f"{{{key}}}" for key in point.axes)
        else:
            told = f"{name!r}, which its values make, is there already"
            mend = "rename one of the two, or set `name:`"
        self._wrong(made.written.key, f"{point.origin}: {told}", mend)
        return True

    def _entry(
        self, entry: Entry, axes_of: Callable[[MapNode], tuple[MapNode, list[_Axis]]]
    ) -> Iterator[_Made]:
        if not isinstance(entry.value, MapNode):
            yield _Made(entry.key.text, entry, entry.value)
            return
        keys, axes = axes_of(entry.value)
        keys, pattern = keys.filtered(lambda key: key not in RESERVED), entry.value.entry(NAME)
        if not axes:
            if pattern:
                told = "name: nothing is listed here, so its name is its key"
                self._wrong(pattern.key, told, "leave it away, or list values")
            yield _Made(entry.key.text, entry, keys)
            return
        axes = self._within_limits(entry, keys, [self._distinct(axis) for axis in axes])
        text = self._pattern(pattern, sorted(axis.key.text for axis in axes))
        for values in product(*(enumerate(axis.values, start=1) for axis in axes)):
            chosen = [
                Chosen(axis.key.text, value, place)
                for axis, (place, value) in zip(axes, values, strict=True)
            ]
            combined = keys
            for axis, (_, value) in zip(axes, values, strict=True):
                combined = axis.put(combined, axis.key, value)
            added = any(value is axis.added for axis, (_, value) in zip(axes, values, strict=True))
            name = default_name(entry.key.text, chosen)
            name = name if text is None else patterned_name(text, chosen)
            facts = {each.key: each.fact for each in chosen}
            yield _Made(name, entry, combined, Point(entry.key.text, facts, added))

    def _within_limits(self, entry: Entry, keys: MapNode, axes: list[_Axis]) -> list[_Axis]:
        count = prod(len(axis.values) for axis in axes)
        limit = f"{MOST_COMBINATIONS} are the most"
        if count <= MOST_COMBINATIONS:
            listed = sum(value.size for axis in axes for value in axis.values)
            chosen = sum(axis.values[0].size for axis in axes)
            self.values += count * (keys.size - listed + chosen)
            if self.values <= MAX_NODES:
                return axes
            limit = f"a suite has at most {MAX_NODES} values, expanded ones counted in full"
        told = f"{entry.key.text}: its lists make {count} combinations, and {limit}"
        self._wrong(entry.key, told, "shorten the lists, or write several suites")
        return [replace(axis, values=axis.values[:1]) for axis in axes]

    def _distinct(self, axis: _Axis) -> _Axis:
        kept: dict[str, Node] = {}
        for value in axis.values:
            said = f"{type(data(value)).__name__} {data(value)!r}"
            if said in kept:
                self._wrong(value, f"{axis.key.text}: this value is listed twice", "keep one")
            kept.setdefault(said, value)
        return replace(axis, values=tuple(kept.values()))

    def _pattern(self, pattern: Entry | None, known: Sequence[str]) -> str | None:
        """Return the text of `name:`, or None where there is none that can be used."""
        if pattern is None:
            return None
        said = pattern.value
        if not isinstance(said, ScalarNode) or not isinstance(said.value, str):
            self._wrong(said, "name: expected text", "quote it: 'simd-{threads}t'")
            return None
        unknown = [word for word in PLACEHOLDER.findall(said.text) if word not in known]
        for word in unknown:
            told = f"name: {'{' + word[:40] + '}'} stands for nothing that is listed here"
            self._wrong(said, told, did_you_mean(word, known) or f"listed: {', '.join(known)}")
        return None if unknown else said.text

    def _matrix(self, keys: MapNode, put_of: Callable[[str], _Put]) -> Iterator[_Axis]:
        matrix = keys.entry(MATRIX)
        if matrix is None:
            return
        if not isinstance(matrix.value, MapNode) or not matrix.value.entries:
            told = "matrix: expected keys, each with a list of values"
            self._wrong(matrix.key, told, "such as `matrix: {threads: [1, 2, 4]}`")
            return
        for name, axis in matrix.value.entries.items():
            if name in RESERVED or name == "files":
                self._wrong(axis.key, f"{name}: this is no axis", "write it beside `matrix`")
            elif not isinstance(axis.value, ListNode) or not axis.value.items:
                self._wrong(axis.value, f"{name}: expected a list of at least one value")
            elif not (self._beside(axis.key, keys, name) or self._beside_network(axis.key, keys)):
                yield _Axis(axis.key, axis.value.items, put_of(name))

    def _beside(self, key: ScalarNode, keys: MapNode, name: str) -> bool:
        if keys.entry(name) is None:
            return False
        self._wrong(key, f"{key.text}: `{name}` stands beside `matrix` too", "keep one of the two")
        return True

    def _beside_network(self, key: ScalarNode, keys: MapNode) -> bool:
        generate = keys.get("generate")
        return isinstance(generate, MapNode) and self._beside(key, generate, key.text)

    def _wrong(self, node: Node, message: str, suggestion: str = "") -> None:
        self.mistakes.append(Mistake(node.start, message, suggestion))


def _files(model: Node) -> int:
    files = model.get("files") if isinstance(model, MapNode) else None
    listed = files.items if isinstance(files, ListNode) else entries_of(files)
    return max(1, len(listed))


def _below(keys: MapNode, name: str, change: Callable[[MapNode], MapNode]) -> MapNode:
    """Return a mapping with what stands under a name changed, where that is a mapping."""
    entry = keys.entry(name)
    if entry is None or not isinstance(entry.value, MapNode):
        return keys
    return _put(keys, entry.key, change(entry.value))


def _put(keys: MapNode, key: ScalarNode, value: Node) -> MapNode:
    return replace(keys, entries={**keys.entries, key.text: Entry(key, value)})


def _put_in_generate(keys: MapNode, key: ScalarNode, value: Node) -> MapNode:
    """Write an option of a network; a network that is named alone is spelt out first."""
    entry = keys.entries["generate"]
    below = entry.value
    if not isinstance(below, MapNode):
        word = ScalarNode(below.start, below.end, "network", "network", plain=True)
        named = {"network": Entry(word, below)}
        below = MapNode(below.start, below.end, named, flow=True, size=2, height=1)
    return _put(keys, entry.key, _put(below, key, value))


def _listed(keys: MapNode, taken: frozenset[str], put: _Put) -> Iterator[_Axis]:
    """Return the short form: a list where the option is a single value."""
    for name, entry in keys.entries.items():
        listed = isinstance(entry.value, ListNode) and entry.value.items
        if listed and name not in taken and name not in RESERVED:
            yield _Axis(entry.key, tuple(listed), put)


def _with_one_thread(axis: _Axis) -> _Axis:
    """Put 1 in front of numbers of threads that lack it: speed-ups are over one thread."""
    numbers = [value.value if isinstance(value, ScalarNode) else None for value in axis.values]
    counts = [number for number in numbers if isinstance(number, int) and number > 1]
    if axis.key.text != THREADS or len(counts) < len(numbers):
        return axis
    one = ScalarNode(axis.values[0].start, axis.values[0].end, "1", 1, plain=True)
    return replace(axis, values=(one, *axis.values), added=one)
