"""What runtimes have in common whose model is one file, and that have one set of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.errors import TargetUnfit
from harness.model import Facts, Measurement
from harness.plugins import ModelFile
from harness.tools.measuring_page import PageAnswer, RuntimeCall, told_bytes
from harness.web_lane.packages import InstalledFiles
from harness.web_lane.page_scripts import RUNNING_WORKERS, page_files


@dataclass(frozen=True, slots=True)
class OneFileRuntime:
    """A library as npm installed it; the rest of `PageRuntime` is its driver's."""

    files: InstalledFiles

    label: ClassVar[str]
    adapter: ClassVar[str]
    model: ClassVar[str]

    @property
    def reference_runtime(self) -> str:
        """The library, which has no reference kernels."""
        return self.label

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return the library with all its builds, its adapter, and the model."""
        scripts = page_files(RUNNING_WORKERS, self.adapter)
        return {**scripts, **self.files.paths, self.model: model.path}

    def reference_call(self, url: str) -> RuntimeCall:
        """Refuse: the page has optimised kernels only.

        Raises:
            TargetUnfit: always.
        """
        del url
        raise TargetUnfit(
            f"{self.label} has no reference kernels", hint="give the model a `reference:` file"
        )


def backend_and_threads(answer: PageAnswer) -> Facts:
    """Return what is observed of these runtimes beside the binary that was served."""
    return {"backend": answer.facts.backend, "threads": answer.facts.threads}


def heap(answer: PageAnswer) -> tuple[Measurement, ...]:
    """Return the one memory metric that their pages tell."""
    return told_bytes({"wasm_heap": answer.facts.wasm_heap_bytes})
