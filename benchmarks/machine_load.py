"""What else the machine was doing, printed beside every figure of these benchmarks."""

from __future__ import annotations

import os
import platform


def machine_line() -> str:
    """Return cores, load average and Python version in one line."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}"
