"""The operators of an ops run, out of the file or the text that the tool's profiler wrote."""

from __future__ import annotations

from math import fsum

from harness.drivers.android_tflite.capture_files import PROFILE
from harness.errors import OutputUnreadable
from harness.model import Capture, Failed, Failure, Measured, Measurement, OperatorTime
from harness.tools.benchmark_model import Numbers, read_op_profile


def read_profile(capture: Capture, stdout: str, numbers: Numbers) -> Measured | Failed:
    """Return a run's operators with their sum, or why there are none; pure.

    `stdout` is what the tool said there; builds that write a file have finer times in it.
    """
    csv = PROFILE in capture.files
    try:
        profile = read_op_profile(capture.text(PROFILE) if csv else stdout, csv)
    except OutputUnreadable as error:
        return Failed(Failure(error.kind, error.message, error.hint))
    operators = tuple(
        OperatorTime(each.type, each.name, each.mean_s, each.times_called, each.graph)
        for each in profile.runs
    )
    # What happens inside of a delegate's node is in that node's own time already.
    total_s = fsum(each.mean_s for each in operators if each.graph != "delegate")
    mean_s = numbers.timed.mean_s
    return Measured(
        (
            Measurement("operators_total", "s", total_s),
            Measurement(
                "profiled_latency_mean",
                "s",
                mean_s,
                absent="" if mean_s is not None else "the tool prints no mean",
            ),
        ),
        operators,
    )
