"""The generator of White-box CartoonGAN (Wang and Yu, CVPR 2020): a small U-Net on images.

Layers as in the authors' `unet_generator` (White-box-Cartoonization, train_code/network.py),
which TensorFlow's cartoonizer converts (TensorFlow blog, September 2020). Its image is 512 ×
512 there. The weights are seeded, not trained.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.network_options import NetworkOptions


class CartoonOptions(NetworkOptions):
    """How large it is."""

    size: Annotated[
        int, Field(ge=8, le=2048, multiple_of=4, description="height and width of the image")
    ] = 256
    channels: Annotated[
        int, Field(ge=1, le=256, description="at full size; 4 times at a quarter")
    ] = 32
    blocks: Annotated[int, Field(ge=0, le=32, description="residual blocks in the middle")] = 4


class CartoonUnet:
    """The network, with weights from a seed."""

    name = "cartoon_unet"
    api_version = 1
    options = CartoonOptions

    def build(self, seed: int, options: CartoonOptions) -> Graph:
        net = GraphBuilder(self.name, seed)
        channels = options.channels
        image = net.input((1, options.size, options.size, 3))
        whole = _conv(net, image, channels, kernel=7)
        half = _conv(net, _conv(net, whole, channels, stride=2), 2 * channels)
        x = _conv(net, _conv(net, half, 2 * channels, stride=2), 4 * channels)
        for _ in range(options.blocks):
            y = net.conv(_conv(net, x, 4 * channels), 4 * channels, kernel=3)
            x = net.add(x, y)
        x = net.upscale(_conv(net, x, 2 * channels), 2)
        x = _conv(net, _conv(net, net.add(x, half), 2 * channels), channels)
        x = _conv(net, net.add(net.upscale(x, 2), whole), channels)
        return net.build(net.conv(x, 3, kernel=7, name="cartoon"), fused=options.fused)


def _conv(net: GraphBuilder, x: str, channels: int, *, kernel: int = 3, stride: int = 1) -> str:
    return net.activate(net.conv(x, channels, kernel=kernel, stride=stride), "leaky_relu")


PLUGIN = CartoonUnet()
