"""Start a virtual device; see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.virtual_device.supervisor import supervise


def main() -> int:
    """Read the command line and run until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m harness.virtual_device", description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="where the sandbox is made")
    parser.add_argument("--adb", type=Path, required=True, help="the adb program")
    asked = parser.parse_args()
    return supervise(asked.scratch, asked.adb)


if __name__ == "__main__":
    sys.exit(main())
