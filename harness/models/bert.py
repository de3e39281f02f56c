"""BERT encoders (Devlin et al. 2018, arXiv:1810.04805) of any depth and width.

The defaults are BERT-Mini of Google's smaller models (Turc et al. 2019, arXiv:1908.08962).
`layers: 12, hidden: 768, heads: 12` is BERT-Base: 109,482,240 parameters, 22.5 billion floating
point operations, two for each multiply-add, at sequence length 128. Batch 1, so that rows are
tokens. The weights are seeded, not trained.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import TokenOptions
from harness.graphs.token_layers import attention, bias_of_mask

_POSITIONS = 512  # that were trained; a file holds those of its sequence length
_SEGMENTS = 2


class BertOptions(TokenOptions):
    """Which of the family it is."""

    layers: Annotated[int, Field(ge=1, le=48, description="encoder layers")] = 4
    hidden: Annotated[int, Field(ge=8, le=4096, description="numbers per token")] = 256
    heads: Annotated[int, Field(ge=1, le=64, description="of attention; they divide `hidden`")] = 4
    pooler_tanh: Annotated[
        Literal["apart", "fused"],
        Field(
            description="`fused`: inside the last matrix product in TF.js, as its converter "
            "writes it and its Wasm back end cannot run it"
        ),
    ] = "apart"

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError("`heads` must divide `hidden`")
        return self


class Bert:
    """The network, with weights from a seed."""

    name = "bert"
    api_version = 1
    options = BertOptions

    def build(self, seed: int, options: BertOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        length = options.sequence
        words = net.ids((1, length), options.vocabulary, "input_ids")
        mask = bias_of_mask(net, net.ids((1, length), 2, "input_mask"))
        segments = net.ids((1, length), _SEGMENTS, "segment_ids")
        x = net.add(
            net.embedding(words, options.vocabulary, options.hidden),
            net.embedding(segments, _SEGMENTS, options.hidden),
        )
        x = net.reshape(x, (length, options.hidden))
        whole = _POSITIONS * options.hidden
        x = net.learned("add", x, (length, options.hidden), whole=whole)
        x = net.layer_norm(x)
        for _ in range(options.layers):
            x = _layer(net, x, mask, options)
        first = net.slice(x, (0, 0), (1, options.hidden))
        if options.pooler_tanh == "fused":
            pooled = net.dense(first, options.hidden, activation="tanh")
        else:
            pooled = net.activate(net.dense(first, options.hidden), "tanh")
        return net.build(x, pooled, fused=options.fused)


def _layer(net: GraphBuilder, x: str, mask: str, options: BertOptions) -> str:
    queries, keys, values = (net.dense(x, options.hidden) for _ in range(3))
    scale = 1 / sqrt(options.hidden / options.heads)
    y = attention(net, queries, keys, values, mask, heads=options.heads, scale=scale)
    x = net.layer_norm(net.add(x, net.dense(y, options.hidden)))
    y = net.dense(net.gelu(net.dense(x, 4 * options.hidden)), options.hidden)
    return net.layer_norm(net.add(x, y))


PLUGIN = Bert()
