"""What encoders of token sequences share: masks and attention between rows."""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder

_FAR_BELOW = 10_000.0  # what BERT takes from the score of a token that is masked


def bias_of_mask(net: GraphBuilder, mask: str) -> str:
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
