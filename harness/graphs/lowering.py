"""Takes networks apart: composites into plain operators, layers into product, bias, activation.

`expanded` is for formats that have no operator for a composite. `unfused` gives what a
converter starts from: batch norm, bias and activation as operators of their own behind each
layer. Both compute the same as before, up to the order of roundings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import pi, prod, sqrt
from typing import Any

import numpy as np

from harness.graphs.description import (
    LAYER_NORM_EPSILON,
    Activate,
    Activation,
    Add,
    Arithmetic,
    Array,
    Composite,
    Dense,
    Gelu,
    Graph,
    Layer,
    LayerNorm,
    Lstm,
    Node,
    Op,
    Reduce,
    Rsqrt,
    Shape,
    Slice,
)
from harness.graphs.shapes import shape_of

COMPOSITES: tuple[type[Composite], ...] = (Gelu, LayerNorm, Lstm)


def expanded(graph: Graph, kinds: tuple[type[Composite], ...] = COMPOSITES) -> Graph:
    """Return the network with composites of these kinds written as plain operators."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.op, kinds):
            steps = _Steps(graph, node)
            _EXPANSIONS[type(node.op)](steps, node.op)
            nodes += steps.closed()
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def activations_apart(graph: Graph, kind: Activation) -> Graph:
    """Return the network with layers that end in that activation in two nodes."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.op, Layer) and node.op.activation == kind:
            linear = f"{node.output}/linear"
            nodes.append(replace(node, output=linear, op=replace(node.op, activation="")))
            assert kind, "no activation cannot stand alone"
            nodes.append(replace(node, op=Activate(kind), inputs=(linear,)))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def unfused(graph: Graph) -> Graph:
    """Return the network as it is before a converter fuses anything."""
    graph = expanded(graph)
    scales: dict[str, Shape] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.op, Layer):
            steps = _Steps(graph, node)
            if node.op.batch_norm:
                scales[f"{node.op.kernel}/scale"] = node.shape[-1:]
            steps.weights = {**graph.weight_shapes, **scales}
            _split(steps, node.op)
            nodes += steps.closed()
        else:
            nodes.append(node)
    shapes = {**graph.weight_shapes, **scales}
    # Of a norm's four numbers per channel, two are left as they are applied: scale and shift.
    gone = graph.left_out + sum(2 * prod(shape) for shape in scales.values())
    weights = _Unfolded(graph.weights, shapes, frozenset(scales))
    return replace(graph, nodes=tuple(nodes), weights=weights, weight_shapes=shapes, left_out=gone)


@dataclass(eq=False)
class _Unfolded(Mapping[str, "Array"]):
    """Weights of which batch norms' scales are taken out of the kernels again."""

    folded: Any
    shapes: Mapping[str, Shape]
    scales: frozenset[str]

    def __getitem__(self, key: str) -> Array:
        if key in self.scales:
            return np.asarray(self.folded.scale_of(key.removesuffix("/scale")), np.float32)
        if f"{key}/scale" in self.scales:
            return np.asarray(self.folded[key] / self.folded.scale_of(key), np.float32)
        found: Array = self.folded[key]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


@dataclass(eq=False)
class _Steps:
    """The operators that one node becomes; the last of them gets its name."""

    graph: Graph
    node: Node
    nodes: list[Node] = field(default_factory=list)
    weights: Mapping[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.weights = self.graph.weight_shapes
        self.shapes = dict(self.graph.shapes)

    @property
    def given(self) -> str:
        return self.node.inputs[0]

    def __call__(self, op: Op, *inputs: str) -> str:
        name = f"{self.node.output}/{len(self.nodes)}"
        shape = shape_of(op, [self.shapes[x] for x in inputs], self.weights)
        self.nodes.append(Node(name, op, inputs, shape))
        self.shapes[name] = shape
        return name

    def closed(self) -> list[Node]:
        *others, last = self.nodes
        return [*others, replace(last, output=self.node.output)]


def _split(steps: _Steps, op: Layer) -> None:
    x = steps(replace(op, bias="", activation="", batch_norm=False), steps.given)
    if op.batch_norm:
        x = steps(Arithmetic("mul", f"{op.kernel}/scale"), x)
    if op.bias:
        x = steps(Arithmetic("add", op.bias), x)
    if op.activation:
        steps(Activate(op.activation), x)


def _gelu(steps: _Steps, op: Gelu) -> None:
    del op
    x = steps.given
    cube = steps(Arithmetic("mul"), steps(Arithmetic("mul"), x, x), x)
    inner = steps(Add(), x, steps(Arithmetic("mul", constant=0.044715), cube))
    inner = steps(Activate("tanh"), steps(Arithmetic("mul", constant=sqrt(2 / pi)), inner))
    share = steps(Arithmetic("mul", constant=0.5), steps(Arithmetic("add", constant=1.0), inner))
    steps(Arithmetic("mul"), x, share)


def _layer_norm(steps: _Steps, op: LayerNorm) -> None:
    x = steps.given
    last = (len(steps.shapes[x]) - 1,)
    mean = steps(Reduce("mean", last, keep=True), x)
    squares = steps(Arithmetic("squared_difference"), x, mean)
    variance = steps(Reduce("mean", last, keep=True), squares)
    scale = steps(Rsqrt(), steps(Arithmetic("add", constant=LAYER_NORM_EPSILON), variance))
    normal = steps(Arithmetic("mul"), steps(Arithmetic("sub"), x, mean), scale)
    steps(Arithmetic("add", op.beta), steps(Arithmetic("mul", op.gamma), normal))


def _lstm(steps: _Steps, op: Lstm) -> None:
    units = steps.weights[op.recurrent][0]
    count = steps.shapes[steps.given][0]
    given = steps(Dense(op.kernel, op.bias), steps.given)
    output = cell = ""
    for step in range(count):
        gates = steps(Slice((step, 0), (1, 4 * units)), given) if count > 1 else given
        if output:
            gates = steps(Add(), gates, steps(Dense(op.recurrent), output))
        enters, stays, fresh, shown = (
            steps(Slice((0, index * units), (1, units)), gates) for index in range(4)
        )
        added = steps(
            Arithmetic("mul"),
            steps(Activate("sigmoid"), enters),
            steps(Activate("tanh"), fresh),
        )
        if cell:
            kept = steps(Arithmetic("mul"), steps(Activate("sigmoid"), stays), cell)
            added = steps(Add(), kept, added)
        cell = added
        output = steps(
            Arithmetic("mul"), steps(Activate("sigmoid"), shown), steps(Activate("tanh"), cell)
        )


_EXPANSIONS: Mapping[type[Composite], Any] = {Gelu: _gelu, LayerNorm: _layer_norm, Lstm: _lstm}
