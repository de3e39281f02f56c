"""The scripts of `device_scripts/web` that runtimes have in the page beside their own."""

from __future__ import annotations

from pathlib import Path

from harness import locations

RUNNING_WORKERS = "runtimes/running_workers.js"
"""Counts the threads that run beside the page's own; loaded before the runtime."""


def page_file(name: str) -> Path:
    """Return where a script lies that is served under this name."""
    return locations.device_scripts() / "web" / name


def page_files(*names: str) -> dict[str, Path]:
    """Return scripts by served name."""
    return {name: page_file(name) for name in names}


def pretend_cores(cores: int) -> str:
    """Return an init script by which the page sees at least so many cores."""
    source = page_file("pretend_cores.js").read_text()
    function = source[source.index("(cores) =>") :].rstrip()
    return f"({function})({cores});"
