"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381), at any width and image size.

As `keras.applications.MobileNetV2`: 3,538,984 parameters at width 1.0 before batch norm is
folded (3,487,816 after), 300.8 million multiply-adds at 224 × 224. The weights are seeded, not
trained.
"""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import ImageNetOptions

# (expansion, channels, blocks, stride of the first block): table 2 of the paper
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class MobileNetV2:
    """The network, with weights from a seed."""

    name = "mobilenet_v2"
    api_version = 1
    options = ImageNetOptions

    def build(self, seed: int, options: ImageNetOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        x = net.input((1, options.size, options.size, 3))
        first = _in_eights(32 * options.width)
        x = net.conv(x, first, kernel=3, stride=2, batch_norm=True, activation="relu6")
        for expansion, channels, blocks, stride in _STAGES:
            scaled = _in_eights(int(channels * options.width))
            for block in range(blocks):
                x = _bottleneck(net, x, expansion, scaled, 1 if block else stride)
        # The last convolution is never narrowed, for accuracy.
        last = _in_eights(1280 * max(options.width, 1))
        x = net.conv(x, last, batch_norm=True, activation="relu6")
        # Near enough to each other that a wrong weight of any class shows beside the largest.
        x = net.dense(net.global_average(x), options.classes, spread=0.4)
        return net.build(net.softmax(x, name="probabilities"), fused=options.fused)


def _bottleneck(net: GraphBuilder, x: str, expansion: int, channels: int, stride: int) -> str:
    y = x
    if expansion > 1:
        y = net.conv(y, expansion * net.channels(x), batch_norm=True, activation="relu6")
    y = net.depthwise(y, stride=stride, batch_norm=True, activation="relu6")
    y = net.conv(y, channels, batch_norm=True)
    return net.add(x, y) if stride == 1 and net.channels(x) == channels else y


def _in_eights(channels: float) -> int:
    """Round to a multiple of eight, and never down by more than a tenth (as Keras does)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


PLUGIN = MobileNetV2()
