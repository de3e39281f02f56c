"""What a suite may say about targets and variants of this driver."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from harness.drivers.android_tflite.conditions.keys import ConditionKeys
from harness.options import Options

# The harness gives these itself; a variant that gave them too would have them twice.
OWN_FLAGS = frozenset(
    {
        "graph",
        "help",
        "dry_run",
        "list_signatures",
        "num_threads",
        "num_runs",
        "min_secs",
        "max_secs",
        "warmup_runs",
        "warmup_min_secs",
        "use_xnnpack",
        "input_layer",
        "input_layer_shape",
        "input_layer_value_files",
        "output_filepath",
        "report_peak_memory_footprint",
        "memory_footprint_check_interval_ms",
    }
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class TargetOptions(ConditionKeys):
    """Keys of a target."""

    device: Annotated[
        str,
        Field(
            min_length=1,
            description="`virtual` (a device on this host), `auto` (the one attached phone), "
            "or a serial as `adb devices` shows it",
        ),
    ] = "auto"
    tool: Annotated[
        str | None,
        Field(
            description="a name under `tools:`; without one, litert-host on a virtual device, "
            "and on a phone the only tool of the suite"
        ),
    ] = None


class VariantOptions(Options):
    """Keys of a variant."""

    threads: Annotated[int, Field(ge=1, le=1024, description="threads of the interpreter")] = 1
    xnnpack: Annotated[
        bool | None,
        Field(description="force XNNPACK on or off; without this key, as the tool does by itself"),
    ] = None
    flags: Annotated[
        dict[str, bool | int | float | str],
        Field(description="further flags of the tool, in its own spelling without the dashes"),
    ] = Field(default_factory=dict)

    @field_validator("flags")
    @classmethod
    def _only_foreign_flags(
        cls, flags: dict[str, bool | int | float | str]
    ) -> dict[str, bool | int | float | str]:
        for name, value in flags.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a flag's name; write it without dashes")
            if name in OWN_FLAGS:
                raise ValueError(
                    f"the harness sets --{name} itself; use `threads`, `xnnpack` or `sampling`"
                )
            if isinstance(value, str) and not value.isprintable():
                raise ValueError(f"the value of {name!r} has characters that cannot be printed")
        return flags
