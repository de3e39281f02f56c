"""Start a virtual device; see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.transports.virtual_setup import PLAIN, from_json
from harness.virtual_device.supervisor import supervise


def main() -> int:
    """Read the command line and run until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m harness.virtual_device", description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="where the sandbox is made")
    parser.add_argument("--adb", type=Path, required=True, help="the adb program")
    parser.add_argument(
        "--setup", type=from_json, default=PLAIN, help="what is unusual about it, as JSON"
    )
    asked = parser.parse_args()
    return supervise(asked.scratch, asked.adb, asked.setup)


if __name__ == "__main__":
    sys.exit(main())
