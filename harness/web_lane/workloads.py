"""A workload in the page: its module and assets, and the loop's view of it as a runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import locations
from harness.model import Facts
from harness.plugins import ModelFile, Workload
from harness.tools.measuring_page import RuntimeCall
from harness.web_lane.runtime import DependsOnModel, PageRuntime

SCRIPT = "workload_loop.js"
WORKLOAD_FOLDER = "workload/"
TIMED = "run of the workload"


def runtime_for(runtime: PageRuntime, model: ModelFile) -> PageRuntime:
    """Return a runtime as this model needs it, with its workload in the model's place.

    Raises:
        RunFailed: this runtime cannot take the model.
    """
    own = runtime.for_model(model) if isinstance(runtime, DependsOnModel) else runtime
    return own if model.workload is None else _WithWorkload(own, model.workload)


def workload_setting(model: ModelFile) -> Facts:
    """Return what two runs of a workload must have in common; nothing for a model alone."""
    workload = model.workload
    if workload is None:
        return {}
    return {
        "timed": TIMED,
        "workload": workload.module,
        "workload_options": json.dumps(dict(workload.options), sort_keys=True),
        "schedule_frames_per_second": workload.frames_per_second,
        "schedule_seconds": workload.schedule_s if workload.frames_per_second else None,
    }


@dataclass(frozen=True, slots=True)
class _WithWorkload:
    """A runtime whose adapter is wrapped by `workload_loop.js`; what ran is proved as before."""

    own: PageRuntime
    workload: Workload

    @property
    def reference_runtime(self) -> str:
        """The same kernels."""
        return self.own.reference_runtime

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return the runtime's and the model's files, and the workload's."""
        own = {f"{WORKLOAD_FOLDER}{name}": path for name, path in self.workload.files.items()}
        script = locations.device_scripts() / "web" / SCRIPT
        return {**self.own.served(model), SCRIPT: script, **own}

    def call(self, url: str, variant: Any) -> RuntimeCall:
        """Return how the page runs the workload on a variant."""
        return self._wrapped(url, self.own.call(url, variant))

    def reference_call(self, url: str) -> RuntimeCall:
        """Return how the page runs the workload on the reference kernels."""
        return self._wrapped(url, self.own.reference_call(url))

    def init_scripts(self, variant: Any) -> Sequence[str]:
        """Return the runtime's own."""
        return self.own.init_scripts(variant)

    def asked(self, variant: Any) -> Facts:
        """Return the runtime's own."""
        return self.own.asked(variant)

    def subject(self, variant: Any) -> Facts:
        """Return the runtime's own, and the workload's hash."""
        return {**self.own.subject(variant), "workload_sha256": self.workload.sha256}

    def _wrapped(self, url: str, call: RuntimeCall) -> RuntimeCall:
        workload = self.workload
        schedule = workload.frames_per_second and {
            "frames_per_second": workload.frames_per_second,
            "seconds": workload.schedule_s,
        }
        told = {
            "module": f"{url}{WORKLOAD_FOLDER}{workload.module}",
            "folder": f"{url}{WORKLOAD_FOLDER}",
            "options": dict(workload.options),
            "schedule": schedule,
        }
        return RuntimeCall((*call.scripts, SCRIPT), {**call.argument, "workload": told})
