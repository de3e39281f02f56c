"""Which accelerator a variant asks for, and how much of the graph it must take."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from harness.options import Options

Share: TypeAlias = Literal["full", "partial", "any"]


class DelegateKeys(Options):
    """Keys of a variant that choose a delegate; at most one is asked for at a time."""

    xnnpack: Annotated[
        bool | None,
        Field(description="force XNNPACK on or off; without this key, as the tool does by itself"),
    ] = None
    gpu: Annotated[bool, Field(description="apply the GPU delegate, and prove that it ran")] = False
    nnapi: Annotated[
        bool | Annotated[str, Field(min_length=1, pattern=r"^[^\s,]+$")],
        Field(
            description="apply the NNAPI delegate, and prove that it ran; a text is the name of "
            "the accelerator, as the tool lists them"
        ),
    ] = False
    precision_loss: Annotated[
        bool | None,
        Field(description="with `gpu`: whether fp32 may be computed in fp16 (the tool's own: yes)"),
    ] = None
    delegation: Annotated[
        Share | None,
        Field(
            description="how much of the graph the delegate must be seen to take: `full` is every "
            "node, `partial` at least one (the default where a delegate is asked for), `any` "
            "accepts a build that does not say how many; none at all is always a failure"
        ),
    ] = None

    @property
    def delegate(self) -> str | None:
        """The delegate that is asked for, as the tool spells it."""
        if self.gpu:
            return "GPU"
        if self.nnapi:
            return "NNAPI"
        return "XNNPACK" if self.xnnpack else None

    @property
    def accelerator(self) -> str | None:
        """The NNAPI accelerator that is asked for by name."""
        return self.nnapi if isinstance(self.nnapi, str) else None

    def delegate_flags(self) -> dict[str, bool | str]:
        """Return the tool's flags for these keys; a key that was not given adds none."""
        flags: dict[str, bool | str] = {}
        if self.xnnpack is not None:
            flags["use_xnnpack"] = self.xnnpack
        if self.gpu:
            flags["use_gpu"] = True
        if self.precision_loss is not None:
            flags["gpu_precision_loss_allowed"] = self.precision_loss
        if self.nnapi:
            flags["use_nnapi"] = True
        if self.accelerator:
            flags["nnapi_accelerator_name"] = self.accelerator
        return flags

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.gpu and self.nnapi:
            raise ValueError("`gpu` and `nnapi` exclude each other: make two variants")
        if self.precision_loss is not None and not self.gpu:
            raise ValueError("`precision_loss` belongs to `gpu: true`")
        return self
