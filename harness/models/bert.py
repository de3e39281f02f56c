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
from harness.graphs.token_layers import ADDED, attention, embedded, token_inputs


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
        words, mask, segments = token_inputs(net, options)
        x = net.embedding(words, options.vocabulary, options.hidden)
        x = net.reshape(x, (options.sequence, options.hidden))
        x = embedded(net, x, segments, options.hidden)
        x = net.layer_norm(x)
        for _ in range(options.layers):
            x = _layer(net, x, mask, options)
        first = net.slice(x, (0, 0), (1, options.hidden))
        fused: Literal["tanh", ""] = "tanh" if options.pooler_tanh == "fused" else ""
        pooled = net.dense(first, options.hidden, activation=fused, spread=0.4)
        if not fused:
            pooled = net.activate(pooled, "tanh")
        return net.build(x, pooled, fused=options.fused)


def _layer(net: GraphBuilder, x: str, mask: str, options: BertOptions) -> str:
    # Near enough to each other that no token's score stands far above the others'.
    queries, keys = (net.dense(x, options.hidden, spread=0.5) for _ in range(2))
    values = net.dense(x, options.hidden)
    scale = 1 / sqrt(options.hidden / options.heads)
    y = attention(net, queries, keys, values, mask, heads=options.heads, scale=scale)
    x = net.layer_norm(net.add(x, net.dense(y, options.hidden, spread=ADDED)))
    y = net.dense(net.gelu(net.dense(x, 4 * options.hidden)), options.hidden, spread=ADDED)
    return net.layer_norm(net.add(x, y))


PLUGIN = Bert()
