"""BlazeFace for front cameras, 128 × 128 images (Bazarevsky et al. 2019, arXiv:1907.05047).

Operators and shapes as in MediaPipe's `face_detection_front.tflite` (the short-range model):
100,412 parameters and 30.8 million multiply-adds. (The TensorFlow blog of 2020 on TF.js' Wasm
SIMD writes "about 20 million multiply-adds" of it; 30.8 million is what the operators come
to.) That file also holds 978 zeros, biases of its depthwise convolutions, and stores its
weights as float16; here the former are not counted and the latter are float32. The weights
are seeded, not trained.
"""

from __future__ import annotations

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import NetworkOptions

# (channels, stride) of the blocks up to the 16 × 16 map, and from there to the 8 × 8 map
_TO_16 = (
    (24, 1),
    (28, 1),
    (32, 2),
    (36, 1),
    (42, 1),
    (48, 2),
    (56, 1),
    (64, 1),
    (72, 1),
    (80, 1),
    (88, 1),
)
_TO_8 = ((96, 2), (96, 1), (96, 1), (96, 1), (96, 1))
_ANCHORS_16, _ANCHORS_8 = 2, 6
_COORDINATES = 16  # of an anchor: a box of four and six key points of two


class BlazeFaceFront:
    """The network, with weights from a seed."""

    name = "blazeface_front"
    api_version = 1

    options = NetworkOptions

    def build(self, seed: int, options: NetworkOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        x = net.input((1, 128, 128, 3))
        x = net.relu(net.conv(x, 24, kernel=5, stride=2))
        for channels, stride in _TO_16:
            x = _block(net, x, channels, stride)
        map_16 = x
        for channels, stride in _TO_8:
            x = _block(net, x, channels, stride)
        maps = ((map_16, _ANCHORS_16), (x, _ANCHORS_8))
        return net.build(
            _heads(net, maps, _COORDINATES, "regressors"),
            _heads(net, maps, 1, "classificators"),
            fused=options.fused,
        )


def _block(net: GraphBuilder, x: str, channels: int, stride: int) -> str:
    y = net.conv(net.depthwise(x, stride=stride), channels)
    if stride > 1:
        x = net.max_pool(x)
    if net.channels(x) < channels:
        x = net.pad_channels(x, channels)
    return net.relu(net.add(x, y))


def _heads(net: GraphBuilder, maps: tuple[tuple[str, int], ...], values: int, name: str) -> str:
    per_map = (net.reshape(net.conv(x, anchors * values), (1, -1, values)) for x, anchors in maps)
    return net.concat(*per_map, axis=1, name=name)


PLUGIN = BlazeFaceFront()
