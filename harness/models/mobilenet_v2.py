"""MobileNetV2 1.0 for 224 × 224 images and 1000 classes (Sandler et al. 2018, arXiv:1801.04381).

As `keras.applications.MobileNetV2`: 3,538,984 parameters before batch norm is folded
(3,487,816 after), 300.8 million multiply-adds. The weights are seeded, not trained.
"""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph

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

    def build(self, seed: int) -> Graph:
        net = GraphBuilder(self.name, seed)
        x = net.input((1, 224, 224, 3))
        x = net.conv(x, 32, kernel=3, stride=2, batch_norm=True, activation="relu6")
        for expansion, channels, blocks, stride in _STAGES:
            for block in range(blocks):
                x = _bottleneck(net, x, expansion, channels, 1 if block else stride)
        x = net.conv(x, 1280, batch_norm=True, activation="relu6")
        # Near enough to each other that a wrong weight of any class shows beside the largest.
        x = net.dense(net.global_average(x), 1000, spread=0.4)
        return net.build(net.softmax(x, name="probabilities"))


def _bottleneck(net: GraphBuilder, x: str, expansion: int, channels: int, stride: int) -> str:
    y = x
    if expansion > 1:
        y = net.conv(y, expansion * net.channels(x), batch_norm=True, activation="relu6")
    y = net.depthwise(y, stride=stride, batch_norm=True, activation="relu6")
    y = net.conv(y, channels, batch_norm=True)
    return net.add(x, y) if stride == 1 and net.channels(x) == channels else y


PLUGIN = MobileNetV2()
