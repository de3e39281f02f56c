"""Every generated network at a small size, with its inputs, for tests of any layer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from harness.graphs.description import Graph
from harness.graphs.numpy_forward import forward
from harness.model import Tensor
from harness.outputs import InputSignature, seeded_inputs
from harness.plugins import build_network, registry

_BERT = {"layers": 2, "hidden": 32, "heads": 2, "sequence": 12, "vocabulary": 90}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "blazeface_front": ("blazeface_front", {}),
    "mobilenet_v1": ("mobilenet_v1", {"width": 0.25, "classes": 50}),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.35, "classes": 50}),
    "cartoon_unet": ("cartoon_unet", {"size": 32, "channels": 8, "blocks": 1}),
    "recommendation_bow": ("recommendation", {"items": 300, "candidates": 200}),
    "recommendation_cnn": ("recommendation", {"items": 300, "candidates": 200, "encoder": "cnn"}),
    "recommendation_rnn": ("recommendation", {"items": 300, "candidates": 200, "encoder": "rnn"}),
    "bert": ("bert", _BERT),
    "mobilebert": ("mobilebert", {"layers": 1, "sequence": 12, "vocabulary": 90}),
}


@cache
def built(case: str, seed: int = 7, *, fused: bool = True) -> Graph:
    name, options = CASES[case]
    network = registry("models").get(name)
    graph: Graph = build_network(network, seed, network.options(**options, fused=fused))
    return graph


def inputs_of(graph: Graph, index: int = 0, low: float = 0, high: float = 1) -> tuple[Tensor, ...]:
    signatures = [
        InputSignature(name, shape, "int32", 0, graph.ids[name] - 1)
        if name in graph.ids
        else InputSignature(name, shape, "float32", low, high)
        for name, shape in graph.inputs.items()
    ]
    return seeded_inputs(signatures, 0, graph.name, index)


def array(tensor: Tensor) -> Any:
    return np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape)


def tensor(name: str, values: Any) -> Tensor:
    return Tensor(name, values.shape, "float32", values.astype("<f4").tobytes())


def answered(graph: Graph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What the description itself says, in float64."""
    tensors = forward(graph, {each.name: array(each) for each in inputs})
    return tuple(tensor(name, tensors[name]) for name in graph.outputs)
