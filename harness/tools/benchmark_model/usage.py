"""Which flags a build has, as its `--help` lists them."""

from __future__ import annotations

import re

# tflite/tools/command_line_flags.cc, Flags::Usage: "\t--name=default  \ttype\t…".
_FLAG = re.compile(r"^\s+--([A-Za-z0-9_-]+)=", re.MULTILINE)


def flags_in_usage(text: str) -> frozenset[str]:
    """Return the names of all flags in a usage text, without their dashes."""
    return frozenset(_FLAG.findall(text))
