"""What a suite may say about targets and variants of this driver."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from harness.drivers.android_tflite.context_keys import ContextKeys
from harness.drivers.android_tflite.delegate_keys import DelegateKeys
from harness.drivers.android_tflite.placement_keys import PlacementKeys
from harness.options import OnADevice
from harness.phone_care.keys import ConditionKeys

_SAMPLING = "the suite's `sampling:`"
_INPUTS = "the model's `inputs:`"
_OURS = "nothing: the harness needs it for itself"
# The harness gives these itself; a variant that gave them too would have them twice.
OWN_FLAGS = {
    "graph": _OURS,
    "help": _OURS,
    "dry_run": _OURS,
    "list_signatures": _OURS,
    "num_threads": "`threads`",
    "num_runs": _SAMPLING,
    "min_secs": _SAMPLING,
    "max_secs": _SAMPLING,
    "warmup_runs": _SAMPLING,
    "warmup_min_secs": _SAMPLING,
    "use_xnnpack": "`xnnpack`",
    "use_gpu": "`gpu`",
    "gpu_precision_loss_allowed": "`precision_loss`",
    "use_nnapi": "`nnapi`",
    "nnapi_accelerator_name": "`nnapi` with the accelerator's name",
    "require_full_delegation": "`delegation: full`",
    "enable_op_profiling": "`profile: ops` in `sampling:`",
    "op_profiling_output_mode": _OURS,
    "op_profiling_output_file": _OURS,
    "profiling_output_csv_file": _OURS,
    "input_layer": _INPUTS,
    "input_layer_shape": _INPUTS,
    "input_layer_value_files": _INPUTS,
    "output_filepath": _OURS,
    "result_file_path": _OURS,
    "report_peak_memory_footprint": _OURS,
    "memory_footprint_check_interval_ms": _OURS,
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# Flags that ask for a delegate without a key of ours, and what the tool calls it.
_OTHER_DELEGATES = {
    "use_hexagon": "Hexagon",
    "use_coreml": "COREML",
    "use_npu": "NPU",
    "external_delegate_path": "EXTERNAL",
}


class TargetOptions(OnADevice, ConditionKeys, ContextKeys):
    """Keys of a target."""

    tool: Annotated[
        str | None,
        Field(
            description="a name under `tools:`; without one, litert-host on a virtual device, "
            "and on a phone the only tool of the suite"
        ),
    ] = None


class VariantOptions(PlacementKeys, DelegateKeys):
    """Keys of a variant."""

    threads: Annotated[int, Field(ge=1, le=1024, description="threads of the interpreter")] = 1
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
                raise ValueError(f"the harness sets --{name} itself; use {OWN_FLAGS[name]}")
            if isinstance(value, str) and "\0" in value:
                raise ValueError(f"the value of {name!r} holds a zero byte, which ends it")
        return flags

    @property
    def asked_delegate(self) -> str | None:
        """The delegate that a key or a flag asks for, as the tool spells it."""
        for flag, name in _OTHER_DELEGATES.items():
            if self.flags.get(flag, False) not in (False, 0, "", "false", "0"):
                return name
        return self.delegate

    @model_validator(mode="after")
    def _delegation_of_a_delegate(self) -> Self:
        if self.delegation is not None and self.asked_delegate is None:
            raise ValueError("`delegation` needs a delegate: `gpu`, `nnapi` or `xnnpack: true`")
        return self
