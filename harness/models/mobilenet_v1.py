"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861), at any width and image size.

As `keras.applications.MobileNet`: 4,253,864 parameters at width 1.0 before batch norm is folded
(4,231,976 of them trainable), 569 million multiply-adds at 224 × 224. The weights are seeded,
not trained.
"""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import ImageNetOptions

# (channels, stride) of the depthwise separable blocks: table 1 of the paper
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


class MobileNetV1:
    """The network, with weights from a seed."""

    name = "mobilenet_v1"
    api_version = 1
    options = ImageNetOptions

    def build(self, seed: int, options: ImageNetOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        x = net.input((1, options.size, options.size, 3))
        first = int(32 * options.width)
        x = net.conv(x, first, kernel=3, stride=2, batch_norm=True, activation="relu6")
        for channels, stride in _BLOCKS:
            x = net.depthwise(x, stride=stride, batch_norm=True, activation="relu6")
            x = net.conv(x, int(channels * options.width), batch_norm=True, activation="relu6")
        # Near enough to each other that a wrong weight of any class shows beside the largest.
        x = net.dense(net.global_average(x), options.classes, spread=0.4)
        return net.build(net.softmax(x, name="probabilities"), fused=options.fused)


PLUGIN = MobileNetV1()
