"""MobileBERT (Sun et al. 2020, arXiv:2004.02984): thin layers between bottlenecks.

As the paper's MobileBERT: 24,581,888 parameters (it writes 25.3 million), 5.7 billion floating
point operations, two for each multiply-add, at sequence length 128. What stands in for layer
norm is a product and a sum per channel (NoNorm), and ReLU for GELU: that is the paper's
"operational optimization". Batch 1, so that rows are tokens. The weights are seeded, not trained.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated

from pydantic import Field

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import TokenOptions
from harness.graphs.token_layers import ADDED, attention, embedded, token_inputs

# Table 1 of the paper
_HIDDEN, _THIN, _EMBEDDED, _HEADS = 512, 128, 128, 4
_FEED_FORWARDS = 4


class MobileBertOptions(TokenOptions):
    """How deep it is."""

    layers: Annotated[int, Field(ge=1, le=48, description="bottleneck blocks")] = 24


class MobileBert:
    """The network, with weights from a seed."""

    name = "mobilebert"
    api_version = 1
    options = MobileBertOptions

    def build(self, seed: int, options: MobileBertOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        words, mask, segments = token_inputs(net, options)
        x = net.embedding(words, options.vocabulary, _EMBEDDED)
        x = net.reshape(x, (options.sequence, _EMBEDDED))
        x = embedded(net, net.dense(_trigrams(net, x), _HIDDEN), segments, _HIDDEN)
        x = _no_norm(net, x)
        for _ in range(options.layers):
            x = _block(net, x, mask)
        return net.build(x, net.slice(x, (0, 0), (1, _HIDDEN)), fused=options.fused)


def _trigrams(net: GraphBuilder, x: str) -> str:
    """Put each token's neighbours beside it, zeros where there is none."""
    rows, channels = net.shape(x)
    after = net.pad(net.slice(x, (1, 0), (rows - 1, channels)), ((0, 1), (0, 0)))
    before = net.pad(net.slice(x, (0, 0), (rows - 1, channels)), ((1, 0), (0, 0)))
    return net.concat(after, x, before, axis=1)


def _block(net: GraphBuilder, wide: str, mask: str) -> str:
    x = _no_norm(net, net.dense(wide, _THIN))
    shared = _no_norm(net, net.dense(wide, _THIN))  # what queries and keys are made of
    queries, keys = net.dense(shared, _THIN), net.dense(shared, _THIN)
    scale = 1 / sqrt(_THIN / _HEADS)
    y = attention(net, queries, keys, net.dense(wide, _THIN), mask, heads=_HEADS, scale=scale)
    x = _added(net, x, net.dense(y, _THIN, spread=ADDED))
    for _ in range(_FEED_FORWARDS):
        y = net.dense(net.dense(x, 4 * _THIN, activation="relu"), _THIN, spread=ADDED)
        x = _added(net, x, y)
    return _added(net, wide, net.dense(x, _HIDDEN, spread=ADDED))


def _added(net: GraphBuilder, x: str, y: str) -> str:
    return _no_norm(net, net.add(x, y))


def _no_norm(net: GraphBuilder, x: str) -> str:
    channels = (net.channels(x),)
    return net.learned("add", net.learned("mul", x, channels), channels)


PLUGIN = MobileBert()
