"""The suite's `gate:`: what `edgebench gate` measures, and by which thresholds it judges."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from harness.metrics import METRICS
from harness.options import Options, Share
from harness.suite.given import Given, Text


class GateKeys(Options):
    """What a gate measures and judges by."""

    blocks: Annotated[
        int,
        Field(ge=6, le=1000, description="blocks in which every cell is screened"),
    ] = 6
    confirm_blocks: Annotated[
        int,
        Field(
            ge=6,
            le=1000,
            description="fresh blocks of the cells that screening flagged; only these decide; more "
            "are made where so much is flagged that these could confirm none of it",
        ),
    ] = 12
    latency: Annotated[
        Share | None,
        Given,
        Field(
            description="a cell regressed if its time grew by this share or more; left out: "
            "`min_effect` of its target"
        ),
    ] = None
    memory: Annotated[Share, Field(description="the same, for each method of memory")] = 0.05
    memory_methods: Annotated[
        dict[Text, Share],
        Field(
            description="the same for single methods by the name of their metric, such as "
            "`{wasm_heap: 1%}`"
        ),
    ] = Field(default_factory=dict)
    file_size: Annotated[
        Share, Field(description="a model's file regressed if it grew by more than this share")
    ] = 0.01
    nodes_delegated: Annotated[
        int,
        Field(
            ge=0,
            description="a cell regressed if more nodes than these are left over by its delegate "
            "that it took at last good",
        ),
    ] = 0
    max_drift: Annotated[
        Share,
        Field(
            description="last good moves only while each cell stays under this share of the "
            "pinned reference, or under its own threshold where that is larger"
        ),
    ] = 0.03

    @field_validator("memory_methods")
    @classmethod
    def _methods_of_memory(cls, methods: dict[str, float]) -> dict[str, float]:
        known = [name for name, metric in METRICS.items() if metric.family == "memory"]
        for name in methods:
            if name not in known:
                raise ValueError(f"{name!r} is no method of memory; known: {', '.join(known)}")
        return methods

    def of_memory(self, metric: str) -> float:
        """Return the threshold of one method."""
        return self.memory_methods.get(metric, self.memory)
