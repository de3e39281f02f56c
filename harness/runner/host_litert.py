"""LiteRT's reference kernels on this host, for models of runtimes that have none of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.model import Tensor
from harness.plugins import ModelFile
from harness.transports import litert


class ReferenceKernels(Protocol):
    """What can say which outputs a model must give; every session is one."""

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs for each set of inputs.

        Raises:
            TargetUnfit: there are no such kernels here, or not for this model.
        """

    def reference_runtime(self) -> str:
        """Name the runtime and version that computes."""


class HostLiteRt:
    """LiteRT's own plain kernels, in a process of their own, for `.tflite` files."""

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs for each set of inputs; inputs belong to the model's by position.

        Raises:
            TargetUnfit: LiteRT is not installed.
            RunError: it does not take the model or the inputs.
        """
        return litert.reference_outputs(model.path, inputs)

    def reference_runtime(self) -> str:
        """Name LiteRT and its version."""
        return litert.reference_runtime()
