"""The arena as TFLite itself plans it, which is not the paper's plan.

What is planned: inputs and outputs too (inputs are never given back, outputs live to the end),
scratch memory of kernels for their one operator, and tensors that share another's bytes. First
come the tensors that live through the whole run, by index, then the others from the largest down.
Offsets are multiples of 64 bytes. Written after arena_planner.cc and simple_memory_arena.cc of
LiteRT (f674577); where their sort leaves the order of equals open, it is that of the tensors here.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ALIGNMENT = 64
_FOREVER = 2**31 - 1
_NOWHERE = 2**64
_SCALAR_BYTES = 4


@dataclass(frozen=True, slots=True)
class InPlace:
    """Which inputs an operator may write its first output over; `unchanged` if it changes none."""

    inputs: tuple[int, ...]
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class ArenaNode:
    """An operator: indices of tensors, -1 for an input that is left out."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    temporaries: tuple[int, ...] = ()
    in_place: InPlace | None = None


@dataclass(frozen=True, slots=True)
class ArenaGraph:
    """What is planned: bytes per tensor of the arena, and of those that are kept beside it.

    A tensor that is in neither (a constant) takes no place.
    """

    nodes: tuple[ArenaNode, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    sizes: Mapping[int, int]
    persistent: Mapping[int, int] = field(default_factory=dict)
    variables: tuple[int, ...] = ()

    def size_of(self, tensor: int) -> int | None:
        """Return the bytes of a tensor in either arena, None if it takes no place."""
        return self.sizes.get(tensor, self.persistent.get(tensor))


@dataclass(frozen=True, slots=True)
class Block:
    """A place in an arena, taken from one node to another, both included."""

    offset: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """Tensor → block, tensor → whose block it shares, and the bytes of both arenas."""

    blocks: Mapping[int, Block]
    shared: Mapping[int, int]
    total_bytes: int
    persistent_bytes: int


class SimpleArena:
    """Places blocks one after the other, each in the smallest gap that it fits."""

    def __init__(self, alignment: int = ALIGNMENT) -> None:
        self.alignment = alignment
        self.total_bytes = 0
        self._active: list[Block] = []

    def place(self, size_bytes: int, first: int, last: int) -> Block:
        """Take a place; nothing lies at offset 0 and is in nobody's way."""
        if not size_bytes:
            return Block(0, 0, first, last)
        offset = self._gap(size_bytes, first, last)
        block = Block(offset, size_bytes, first, last)
        self.total_bytes = max(self.total_bytes, offset + size_bytes)
        insort(self._active, block, key=lambda other: other.offset)
        return block

    def _gap(self, size_bytes: int, first: int, last: int) -> int:
        best, best_gap, current = _NOWHERE, _NOWHERE, 0
        for block in self._active:
            if block.last < first or block.first > last:
                continue
            aligned = self._aligned(current)
            if aligned + size_bytes <= block.offset and block.offset - aligned < best_gap:
                # The gap is compared from where the block may begin and remembered from where
                # the last one ends: so do TFLite's arenas, and the next comparison differs.
                best, best_gap = aligned, block.offset - current
            current = max(current, block.offset + block.size_bytes)
            if not best_gap:
                break
        return self._aligned(current) if best == _NOWHERE else best

    def _aligned(self, offset: int) -> int:
        return offset + -offset % self.alignment


def plan_arena(
    graph: ArenaGraph, *, in_place: bool = True, alignment: int = ALIGNMENT
) -> ArenaPlan:
    """Return where TFLite's own planner would put each tensor of a graph."""
    shared = _shared(graph) if in_place else {}
    lives = _lives(graph, shared)
    arena, beside = SimpleArena(alignment), SimpleArena(alignment)
    sizes = {**graph.sizes, **graph.persistent}
    blocks: dict[int, Block] = {}
    for tensor in sorted(lives, key=lambda index: _order(index, lives[index], sizes[index])):
        first, last = lives[tensor]
        if tensor in graph.persistent:
            beside.place(sizes[tensor], first, _FOREVER)
        elif _root(tensor, shared, graph) == tensor:
            blocks[tensor] = arena.place(sizes[tensor], first, last)
    kept = {tensor: root for tensor, root in shared.items() if root in blocks}
    return ArenaPlan(blocks, kept, arena.total_bytes, beside.total_bytes)


def _root(tensor: int, shared: Mapping[int, int], graph: ArenaGraph) -> int:
    root = shared.get(tensor, tensor)
    # Sharing is found before kernels say what they keep beside the arena, and then given up.
    return root if root in graph.sizes and graph.sizes[root] == graph.sizes[tensor] else tensor


def _order(tensor: int, life: tuple[int, int], size_bytes: int) -> tuple[int, int, int, int]:
    if life == (0, _FOREVER):
        return (0, 0, 0, tensor)
    return (1, -size_bytes, life[0], -tensor)


def _shared(graph: ArenaGraph) -> dict[int, int]:
    counts = _reference_counts(graph, {})
    shared: dict[int, int] = {}
    for node in graph.nodes:
        if node.in_place is None or not node.outputs:
            continue
        given = _given_up_input(graph, node, node.in_place, counts)
        if given is None:
            continue
        root = shared.get(given, given)
        if node.in_place.unchanged or counts[root] <= 1:
            shared[node.outputs[0]] = root
    return shared


def _given_up_input(
    graph: ArenaGraph, node: ArenaNode, in_place: InPlace, counts: Mapping[int, int]
) -> int | None:
    output, held = node.outputs[0], graph.size_of
    if output in graph.outputs:
        return None
    for place in in_place.inputs:
        given = node.inputs[place] if place < len(node.inputs) else -1
        size = held(given)
        if size is None or given in graph.inputs:
            continue
        equal = size == held(output) and size > _SCALAR_BYTES
        if in_place.unchanged or (equal and counts[given] <= 1):
            return given
    return None


def _reference_counts(graph: ArenaGraph, shared: Mapping[int, int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    held = (*graph.outputs, *graph.variables, *graph.inputs)
    read = (index for node in graph.nodes for index in node.inputs)
    for tensor in (*held, *(shared.get(index, index) for index in read)):
        counts[tensor] = counts.get(tensor, 0) + 1
    return counts


def _lives(graph: ArenaGraph, shared: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Return tensor → first and last node; what is never given back lives for ever."""
    planned = graph.sizes.keys() | graph.persistent.keys()
    counts = _reference_counts(graph, shared)
    begun = dict.fromkeys(_planned((*graph.variables, *graph.inputs), planned), 0)
    ended: dict[int, int] = {}
    for number, node in enumerate(graph.nodes):
        for tensor in _planned(node.outputs, planned):
            begun.setdefault(tensor, number)
        for index in node.inputs:
            tensor = shared.get(index, index)
            counts[tensor] -= 1
            if not counts[tensor]:
                ended[tensor] = number
    lives = {tensor: (first, ended.get(tensor, _FOREVER)) for tensor, first in begun.items()}
    for number, node in enumerate(graph.nodes):
        lives.update(dict.fromkeys(_planned(node.temporaries, planned), (number, number)))
    return lives


def _planned(tensors: Iterable[int], planned: Iterable[int]) -> list[int]:
    return [tensor for tensor in tensors if tensor in planned]
