"""TFLite's benchmark app in the place of a tool: `org.tensorflow.lite.benchmark`.

Its activity takes the tool's flags as one text and splits it at blanks (tensorflow/lite/tools/
benchmark/android/jni/benchmark_model_jni.cc); what the tool prints goes to Android's log.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.drivers.android_tflite.device_files import SHORT_S
from harness.drivers.android_tflite.toolchain import DeviceTool
from harness.errors import RunFailed, TargetUnfit
from harness.transports.android_scripts import AndroidScripts, bring_scripts
from harness.transports.open_device import OpenDevice

PACKAGE = "org.tensorflow.lite.benchmark"
_ACTIVITY = ".BenchmarkModelActivity"
# The app has no --help. It is built of TFLite's tool, which has had these since 2.4.
_FLAGS = frozenset(
    {
        "enable_op_profiling",
        "input_layer",
        "input_layer_shape",
        "input_layer_value_files",
        "report_peak_memory_footprint",
        "require_full_delegation",
    }
)
_BLANK = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class BenchmarkApp:
    """The app as it is installed on a device."""

    device: OpenDevice
    scripts: AndroidScripts
    tool: DeviceTool

    def get(self, name: str | None = None) -> DeviceTool:
        """Return the app; it is the only build there."""
        del name
        return self.tool

    def command(self, tool: DeviceTool, flags: Sequence[str]) -> list[str]:
        """Return what starts the app and prints its log.

        Raises:
            RunFailed: a flag holds a blank, at which the app would split it.
        """
        for flag in flags:
            if _BLANK.search(flag):
                raise RunFailed(
                    f"the benchmark app splits its flags at blanks, and {flag!r} holds one",
                    hint="give the flag a value without blanks, or use `context: shell`",
                    kind="bad-flag",
                )
        bring_scripts(self.device.adb, self.device.root, ("activity.sh",))
        return ["sh", self.scripts.path("activity.sh"), tool.path, _ACTIVITY, *flags]

    def stop(self) -> None:
        """End the app, which outlives the shell that started it."""
        self.device.adb.shell(["am", "force-stop", PACKAGE], timeout_s=SHORT_S)


def installed_app(device: OpenDevice, scripts: AndroidScripts) -> BenchmarkApp:
    """Return the app that is installed on a device, known by the hash of its APK.

    Raises:
        TargetUnfit: it is not installed.
    """
    said = device.adb.shell(["pm", "path", PACKAGE], timeout_s=SHORT_S)
    path = said.stdout.decode(errors="replace").strip().partition("\n")[0].removeprefix("package:")
    summed = device.adb.shell(f"sha256sum < {shlex.quote(path)}", timeout_s=SHORT_S)
    digest = summed.stdout[:64].decode(errors="replace")
    if not path or said.exit_code != 0 or not re.fullmatch("[0-9a-f]{64}", digest):
        raise TargetUnfit(
            f"the benchmark app {PACKAGE} is not installed on this device",
            hint="adb install -r -d -g android_aarch64_benchmark_model.apk, or leave out "
            "`context: apk`",
            kind="app-missing",
        )
    abi = next(iter(device.abis), "")
    return BenchmarkApp(device, scripts, DeviceTool(PACKAGE, abi, digest, PACKAGE, _FLAGS))
