"""Start-up: `edgebench --help` against a bare Python, in CPU seconds, and what it imports.

    python benchmarks/start_up.py

Claimed: pandas, numpy, scipy, playwright, adbutils, pydantic, yaml and rich are not imported.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from machine_load import machine_line

HEAVY = ("pandas", "numpy", "scipy", "playwright", "adbutils", "pydantic", "yaml", "rich")
_PROBE = """
import contextlib, io, sys
from harness.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(["--help"])
print(",".join(name for name in sys.argv[1].split(",") if name in sys.modules))
"""


def imported_by_help() -> list[str]:
    """Return which of the heavy libraries `edgebench --help` imports."""
    answer = subprocess.run(
        [sys.executable, "-c", _PROBE, ",".join(HEAVY)], capture_output=True, text=True, check=True
    )
    return [name for name in answer.stdout.strip().split(",") if name]


def cpu_s(command: list[str], repeats: int = 5) -> float:
    """Return the least CPU seconds of a command over some repeats."""
    least = float("inf")
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        least = min(least, spent)
    return least


def main() -> int:
    """Measure and print; returns 0 if the claim holds."""
    imported = imported_by_help()
    bare_s = cpu_s([sys.executable, "-c", "pass"])
    help_s = cpu_s([sys.executable, "-m", "harness", "--help"])
    print(f"machine   {machine_line()}")
    print(f"python -c pass     {bare_s:.3f} CPU s (least of 5)")
    print(f"edgebench --help   {help_s:.3f} CPU s (least of 5), {help_s / bare_s:.1f}×")
    print(f"heavy libraries imported by --help: {', '.join(imported) or 'none'}")
    return 1 if imported else 0


if __name__ == "__main__":
    sys.exit(main())
