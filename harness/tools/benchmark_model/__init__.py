"""What TFLite's `benchmark_model` and LiteRT's `benchmark_litert_model` say, of every era.

`parse` is pure: it gets what a run wrote and its exit code, and gives either numbers in SI
units or a named failure, never both. `parse_options` reads the multi-option
tool too, and logs whose exit code nobody noted. `flags_in_usage` reads which flags a build has,
`read_op_profile` the tables of operators, `streams_of_logcat` what the benchmark app logged.

Numbers need exit 0, complete result lines that agree with each other wherever the tool
prints a figure twice, and no flag that the tool ignored.
"""

from harness.tools.benchmark_model.logcat import pids_of_logcat, streams_of_logcat
from harness.tools.benchmark_model.op_profile import Operator, OpProfile, read_op_profile
from harness.tools.benchmark_model.parser import parse
from harness.tools.benchmark_model.performance_options import parse_options
from harness.tools.benchmark_model.reading import (
    Numbers,
    OptionReading,
    Stats,
    ToolFacts,
    ToolReading,
)
from harness.tools.benchmark_model.usage import flags_in_usage

__all__ = [
    "Numbers",
    "OpProfile",
    "Operator",
    "OptionReading",
    "Stats",
    "ToolFacts",
    "ToolReading",
    "flags_in_usage",
    "parse",
    "parse_options",
    "pids_of_logcat",
    "read_op_profile",
    "streams_of_logcat",
]
