"""What a web driver brings: its runtime's files, how its adapter is called, what must have run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.model import Facts, Measurement
from harness.plugins import ModelFile
from harness.tools.measuring_page import PageAnswer, RuntimeCall


class PageRuntime(Protocol):
    """A runtime as the web lane measures it; variants are the driver's `variant_options`."""

    @property
    def reference_runtime(self) -> str:
        """Name what `reference_call` computes with, and its version."""

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return the runtime's and the model's files, by served name.

        Everything that the page may choose among is there: what it takes is for us to see.

        Raises:
            RunFailed: the model cannot be read, or this runtime cannot take it.
        """

    def call(self, url: str, variant: Any) -> RuntimeCall:
        """Return the scripts and the adapter's argument of a variant; `url` is the run's own."""

    def reference_call(self, url: str) -> RuntimeCall:
        """Return the same for the runtime's own reference kernels.

        Raises:
            TargetUnfit: it has none.
        """

    def init_scripts(self, variant: Any) -> Sequence[str]:
        """Return what must run in the page before everything else."""

    def asked(self, variant: Any) -> Facts:
        """Return what must be observed, else the run has failed."""

    def subject(self, variant: Any) -> Facts:
        """Return the versions and hashes of what runs."""


@runtime_checkable
class DependsOnModel(Protocol):
    """A runtime that does not need the same for every model; others just keep `PageRuntime`."""

    def for_model(self, model: ModelFile) -> PageRuntime:
        """Return the runtime with what this model needs.

        Raises:
            RunFailed: the model cannot be read, or this runtime cannot take it.
        """


def _nothing(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class RuntimeReading:
    """How a driver reads what its adapter said; pure.

    `seen` gives observed facts for the proof, `setting` is given all observed facts, `memory`
    the metrics that the page itself tells; `unsupported_hint` is for what it cannot run.
    """

    seen: Callable[[PageAnswer], Facts]
    unsupported_hint: str
    setting: Callable[[Facts], Facts] = _nothing
    conditions: Callable[[PageAnswer], Facts] = _nothing
    memory: Callable[[PageAnswer], tuple[Measurement, ...]] = field(default=lambda _: ())
