"""The suite keys of figures that others published, which stand beside what is measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.options import Number, Options

_Milliseconds = Annotated[Number, Field(gt=0)]
_Name = Annotated[str, Field(min_length=1, max_length=64)]


class PublishedKeys(Options):
    """Times that somebody published of one device."""

    name: Annotated[
        str, Field(min_length=1, max_length=64, description="the device, as the source calls it")
    ]
    source: Annotated[
        str, Field(min_length=1, description="where the figures are from, and how they were taken")
    ]
    latency_ms: Annotated[
        dict[_Name, dict[_Name, _Milliseconds]],
        Field(min_length=1, description="model → variant → milliseconds per inference"),
    ]
