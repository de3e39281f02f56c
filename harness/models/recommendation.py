"""The next item from the last ones: an encoder of past items, and a score for each candidate.

The three encoders of TensorFlow's on-device recommendation (TensorFlow blog, April 2021;
tensorflow/examples, lite/examples/recommendation): the mean of embeddings, one-dimensional
convolutions, or an LSTM; then dense layers, and a product with every candidate's embedding (the
two towers of retrieval). Histories are full, so there is no mask. The weights are seeded, not
trained.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import NetworkOptions
from harness.graphs.sampled_labels import sampled_set
from harness.model import Tensor

_FILTERS_PER_WIDTH, _WINDOW = (2, 4), 4
_LSTM_UNITS = 16
_HIDDEN = (32, 32)


class RecommendationOptions(NetworkOptions):
    """Which encoder, and of how much."""

    encoder: Annotated[
        Literal["bow", "cnn", "rnn"],
        Field(description="bag of words (a mean), convolutions, or an LSTM"),
    ] = "bow"
    history: Annotated[int, Field(ge=1, le=1000, description="past items that it is given")] = 10
    items: Annotated[
        int, Field(ge=2, le=10_000_000, description="items that there are (MovieLens 1M: 3952)")
    ] = 3952
    candidates: Annotated[int, Field(ge=2, le=10_000_000, description="items that get a score")] = (
        3952
    )
    embedding: Annotated[int, Field(ge=1, le=1024, description="numbers per item")] = 32


class Recommendation:
    """The network, with weights from a seed."""

    name = "recommendation"
    api_version = 1
    options = RecommendationOptions

    def build(self, seed: int, options: RecommendationOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        ids = net.ids((1, options.history), options.items, "context")
        x = net.embedding(ids, options.items, options.embedding)
        x = _encoded(net, x, options)
        for units in (*_HIDDEN, options.embedding):
            x = net.dense(x, units, activation="relu")
        scores = net.dense(x, options.candidates, bias=False, name="scores")
        return net.build(scores, fused=options.fused)

    def examples(self, seed: int, options: RecommendationOptions, count: int) -> tuple[Tensor, ...]:
        """Return seeded histories with labels drawn from the network's own scores.

        What a file's recall of them says is how much of the network's ranking it keeps.
        """
        return sampled_set(self.build(seed, options), seed, count)


def _encoded(net: GraphBuilder, x: str, options: RecommendationOptions) -> str:
    match options.encoder:
        case "bow":
            return net.mean(x, 1)
        case "cnn":
            x = net.reshape(x, (1, 1, options.history, options.embedding))
            for ratio in _FILTERS_PER_WIDTH:
                filters = ratio * options.embedding
                x = net.conv(x, filters, kernel=(1, _WINDOW), stride=_WINDOW, activation="relu")
            return net.reduce_max(x, 1, 2)
    return net.lstm(net.reshape(x, (options.history, options.embedding)), _LSTM_UNITS)


PLUGIN = Recommendation()
