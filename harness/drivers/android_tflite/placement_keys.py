"""On which cores, and with which build of the tool, a variant runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from harness.core_sets import MOST_CORES, core_numbers, is_name
from harness.options import Options


class PlacementKeys(Options):
    """Keys of a variant that say where and with what it runs."""

    tool: Annotated[
        str | None,
        Field(
            min_length=1,
            description="a name under `tools:`, instead of the target's: two builds can stand in "
            "one block",
        ),
    ] = None
    cores: Annotated[
        str | Annotated[int, Field(ge=0, lt=MOST_CORES)] | None,
        Field(
            description="run on these cores only (taskset): a list such as `4-7` or `0,4-5`, or a "
            "mask such as `0xf0`, or a name that devices.yaml gives cores, such as `big`; read "
            "back on the device and proved"
        ),
    ] = None

    @field_validator("cores")
    @classmethod
    def _are_cores(cls, cores: str | int | None) -> str | int | None:
        if cores is not None and not is_name(cores):
            core_numbers(cores)
        return cores

    @property
    def core_set(self) -> frozenset[int] | None:
        """The cores that are asked for."""
        return None if self.cores is None else core_numbers(self.cores)
