"""Driver `web-tfjs`: TF.js' Wasm back end in a real browser.

Each run is a fresh browser process with one page, served from this host. The variant is forced
by TF.js's flags and proved by what was served and what the page saw; a fallback is a failure.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from harness.plugins import ModelFormat
from harness.web_lane.driver import WebDriver
from harness.web_lane.packages import Runtime
from harness.web_lane.runtime import PageRuntime
from harness.web_lane.tfjs.options import TargetOptions, VariantOptions
from harness.web_lane.tfjs.reading import TFJS_READING


class WebTfjs(WebDriver):
    """TF.js' Wasm back end in a browser."""

    name = "web-tfjs"
    model_format: ClassVar[ModelFormat] = "tfjs"
    target_options = TargetOptions
    variant_options = VariantOptions
    reading = TFJS_READING
    workloads = True

    def installed(self, root: Path | None = None) -> PageRuntime:
        """Return the TF.js that npm installed.

        Raises:
            TargetNotFound: tfjs-missing.
        """
        from harness.web_lane.tfjs.runtime import installed_tfjs

        return installed_tfjs(root)

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return TF.js and its GPU back ends."""
        from harness.web_lane.tfjs.runtime import RUNTIMES

        return RUNTIMES


PLUGIN = WebTfjs()
