"""Driver `web-tfjs`: TF.js' Wasm back end in a real browser on this host.

Each run is a fresh browser process with one page, served from 127.0.0.1. The variant is forced
by TF.js's flags and proved by what was served and what the page saw; a fallback is a failure.
"""

from __future__ import annotations

from typing import Any

from harness.drivers.web_tfjs.options import TargetOptions, VariantOptions
from harness.drivers.web_tfjs.reading import TFJS_READING
from harness.model import Capture, Reading
from harness.plugins import API_VERSION, ModelFormat, Session, TargetSpec
from harness.web_lane.reading import read_capture


class WebTfjs:
    """TF.js' Wasm back end in a browser of this host."""

    name = "web-tfjs"
    api_version = API_VERSION
    model_format: ModelFormat = "tfjs"
    target_options = TargetOptions
    variant_options = VariantOptions

    def bench(self, options: Any) -> str:  # noqa: ARG002  all browsers of this host share it
        """Return the bench: browsers stand on this host."""
        return "host"

    def is_virtual(self, options: Any) -> bool:  # noqa: ARG002  the same for all options
        """Return False: the browser is the real thing."""
        return False

    def unsupported(self, options: Any, variant: Any) -> str:  # noqa: ARG002  none is known
        """Return '': a variant that cannot run here is found out by running it."""
        return ""

    def open(self, target: TargetSpec) -> Session:
        """Find the browser and TF.js, and start the browser once to see that it can.

        Raises:
            TargetNotFound: browser-missing or tfjs-missing.
            TargetUnfit: the browser does not start, or an init script cannot be read.
        """
        from harness.drivers.web_tfjs.runtime import installed_tfjs
        from harness.web_lane.session import open_session

        return open_session(target, installed_tfjs())

    def read(self, capture: Capture) -> Reading:
        """Turn a run's files into its outcome; pure.

        Raises:
            OutputUnreadable: they are not what the session and the page write.
        """
        return read_capture(capture, TFJS_READING)


PLUGIN = WebTfjs()
