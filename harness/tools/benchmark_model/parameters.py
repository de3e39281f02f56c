"""The parameters that the tool says it took.

Formats: `LOG_TOOL_PARAM` of tflite/tools/tool_params.h prints `Description: [value]` for each
parameter that was set; the descriptions are those of the tool's delegate providers
(tflite/tools/delegates/*_provider.cc).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.tools.benchmark_model.grammar import PREFIX

_PARAMETER = re.compile(r"(?P<title>[^\[\]:]{1,80}): \[(?P<value>.*)\]")
_PRECISION_LOSS = "Allow lower precision in gpu"
_ACCELERATOR = "NNAPI accelerator name"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the tool took; None where it does not say, or says two things."""

    precision_loss: bool | None = None
    accelerator: str | None = None


def read_parameters(text: str) -> Parameters:
    """Read the parameters out of everything that a run said."""
    lines = [PREFIX.sub("", line.rstrip("\r"), count=1) for line in text.split("\n")]
    values: dict[str, set[str]] = {}
    for line in lines:
        if match := _PARAMETER.fullmatch(line):
            values.setdefault(match["title"], set()).add(match["value"])
    loss = _one(values, _PRECISION_LOSS)
    return Parameters(
        precision_loss={"1": True, "0": False}.get(loss or ""),
        accelerator=_one(values, _ACCELERATOR) or None,
    )


def _one(values: Mapping[str, set[str]], title: str) -> str | None:
    found = values.get(title, set())
    return next(iter(found)) if len(found) == 1 else None
