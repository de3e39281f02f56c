"""What may be said of more than one network under `generate:`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.options import Number, Options


class NetworkOptions(Options):
    """Options that every generated network has."""

    fused: Annotated[
        bool,
        Field(
            description="`false`: batch norm, bias, activation, layer norm, GELU and LSTM as "
            "operators of their own, as before a converter fuses them"
        ),
    ] = True


class ImageNetOptions(NetworkOptions):
    """Options of classifiers that were made for ImageNet."""

    width: Annotated[
        Number, Field(ge=0.1, le=2, description="multiplies every layer's channels")
    ] = 1.0
    size: Annotated[int, Field(ge=128, le=1024, description="height and width of the image")] = 224
    classes: Annotated[int, Field(ge=2, le=100_000, description="of the head")] = 1000


class TokenOptions(NetworkOptions):
    """Options of encoders of token sequences."""

    sequence: Annotated[int, Field(ge=2, le=512, description="tokens that it is given")] = 128
    vocabulary: Annotated[int, Field(ge=2, le=200_000, description="tokens that there are")] = 30522
