"""The Android lane: a `benchmark_model` on a phone, or litert-host on a virtual device.

Each run is a fresh process on the device, started by a small wrapper in a process group and a
folder of its own. What the tool wrote and how it ended is captured; `read` turns that into
numbers, and needs nothing else.
"""

from __future__ import annotations

from typing import Any

from harness.drivers.android_tflite.options import TargetOptions, VariantOptions
from harness.drivers.android_tflite.reading import read_capture
from harness.drivers.android_tflite.session import AndroidSession, open_session
from harness.model import Capture, Pass, Reading
from harness.options import OnADevice
from harness.plugins import API_VERSION, ModelFormat, TargetSpec


class AndroidTflite:
    """The driver `android-tflite`."""

    name = "android-tflite"
    api_version = API_VERSION
    model_format: ModelFormat = "tflite"
    passes: frozenset[Pass] = frozenset({"latency", "memory", "quality", "ops", "sustained"})
    target_options = TargetOptions
    variant_options = VariantOptions

    def bench(self, options: Any) -> str:
        """Return `host` for a virtual device, else `phone:` and the hash of the serial."""
        placed: OnADevice = options
        return placed.bench

    def is_virtual(self, options: Any) -> bool:
        return bool(options.device == "virtual")

    def unsupported(self, options: Any, variant: Any) -> str:
        """Say what the benchmark app never can; what a build lacks is known only when it runs."""
        if options.context != "apk":
            return ""
        if options.device == "virtual":
            return "a virtual device has no apps: `context: apk` needs a phone"
        if options.tool or variant.tool:
            return "`context: apk` runs the app that is installed on the phone, no `tool`"
        return "the benchmark app cannot be put on `cores`" if variant.cores is not None else ""

    def open(self, target: TargetSpec) -> AndroidSession:
        return open_session(target)

    def read(self, capture: Capture) -> Reading:
        return read_capture(capture)


PLUGIN = AndroidTflite()
