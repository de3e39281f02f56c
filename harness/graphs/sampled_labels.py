"""Labelled sets for networks whose weights are seeded: labels drawn from the network's own scores.

A seeded network knows nothing, so no labels of this world could be right. Each label is drawn
instead from the softmax of the network's own float64 scores (standardised per example, times a
sharpness) by the Gumbel trick: argmax(score + Gumbel noise). So the exact network itself ranks
the label high often and not always, and a file that keeps less of its ranking scores less. That
is all that such a score says: nothing about how well anything is recommended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import Tensor
from harness.outputs import uniform
from harness.quality import LABELS

if TYPE_CHECKING:
    from harness.graphs.description import Graph

SHARPNESS = 2.0
"""The ten highest of the recommenders' 3952 scores then hold two to four labels of ten."""
_HALF_A_STEP = 2.0**-25  # `uniform` gives multiples of 2**-24, 0 among them


def sampled_set(graph: Graph, seed: int, count: int) -> tuple[Tensor, ...]:
    """Return `count` seeded examples of a network of ids, and the labels drawn from its scores.

    The inputs come in the network's order, each [count, …] int32; `labels` is [count] int64. A
    larger set begins with the smaller one.
    """
    import numpy as np  # heavy, as is what follows: `--help` must import neither

    from harness.graphs.numpy_forward import forward

    key = f"labels/{graph.name}/{seed}"
    columns: dict[str, list[np.ndarray]] = {name: [] for name in graph.inputs}
    labels = []
    for example in range(count):
        for name, shape in graph.inputs.items():
            shares = uniform(f"{key}/{example}/{name}", int(np.prod(shape)))
            columns[name].append(np.floor(shares * graph.ids[name]).reshape(shape))
        given = {name: drawn[-1] for name, drawn in columns.items()}
        scores = forward(graph, given)[graph.outputs[0]].ravel()
        standard = (scores - scores.mean()) / scores.std()
        noise = -np.log(-np.log(uniform(f"{key}/{example}", scores.size) + _HALF_A_STEP))
        labels.append(int((SHARPNESS * standard + noise).argmax()))
    inputs = ((name, np.concatenate(drawn).astype("<i4")) for name, drawn in columns.items())
    return (
        *(Tensor(name, values.shape, "int32", values.tobytes()) for name, values in inputs),
        Tensor(LABELS, (count,), "int64", np.array(labels, "<i8").tobytes()),
    )
