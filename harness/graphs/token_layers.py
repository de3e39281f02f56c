"""What encoders of token sequences share: masks and attention between rows."""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder
from harness.graphs.network_options import TokenOptions

_FAR_BELOW = 10_000.0  # what BERT takes from the score of a token that is masked


POSITIONS = 512
"""Positions that BERTs are trained with; a file holds those of its sequence length."""

ADDED = 0.25
"""How far apart are the numbers that a layer adds to its input.

Were they as far apart as the input's, two dozen seeded layers would be chaotic, as trained ones
are not: the last bits of float32 would show in the outputs.
"""

_SEGMENTS = 2


def token_inputs(net: GraphBuilder, options: TokenOptions) -> tuple[str, str, str]:
    """Declare the inputs that BERTs have: ids of tokens, what their mask adds, ids of segments."""
    shape = (1, options.sequence)
    words = net.ids(shape, options.vocabulary, "input_ids")
    mask = _bias_of_mask(net, net.ids(shape, 2, "input_mask"))
    return words, mask, net.ids(shape, _SEGMENTS, "segment_ids")


def embedded(net: GraphBuilder, x: str, segments: str, width: int) -> str:
    """Add to rows [tokens, width] what their segment and their position stand for."""
    rows, _ = net.shape(x)
    kinds = net.reshape(net.embedding(segments, _SEGMENTS, width), (rows, width))
    return net.learned("add", net.add(x, kinds), (rows, width), whole=POSITIONS * width)


def _bias_of_mask(net: GraphBuilder, mask: str) -> str:
    """Turn a mask of ones and zeros into what is added to scores: 0, or far below them."""
    return net.arithmetic("mul", net.arithmetic("sub", net.to_float(mask), 1.0), _FAR_BELOW)


def attention(
    net: GraphBuilder,
    queries: str,
    keys: str,
    values: str,
    mask: str,
    *,
    heads: int,
    scale: float,
) -> str:
    """Mix rows by how well queries [rows, heads·width] fit keys; gives [rows, heads·width]."""
    rows, channels = net.shape(values)
    split = [_heads(net, x, heads) for x in (queries, keys, values)]
    scores = net.arithmetic("mul", net.matmul(split[0], split[1], transpose_b=True), scale)
    shares = net.softmax(net.arithmetic("add", scores, mask))
    mixed = net.transpose(net.matmul(shares, split[2]), (1, 0, 2))
    return net.reshape(mixed, (rows, channels))


def _heads(net: GraphBuilder, x: str, heads: int) -> str:
    rows, channels = net.shape(x)
    return net.transpose(net.reshape(x, (rows, heads, channels // heads)), (1, 0, 2))
