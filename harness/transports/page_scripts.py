"""The scripts of `device_scripts/web` that transports run in pages by themselves."""

from __future__ import annotations

from functools import cache

from harness import locations

GARBAGE_BY_ALLOCATION = "allocation, seen by weak references"
"""What `collect_garbage` does, in the words of the memory pass' method."""


@cache
def page_script(name: str) -> str:
    """Return the text of a script."""
    return (locations.device_scripts() / "web" / name).read_text()


def collect_garbage() -> str:
    """Return a function for browsers without a way to ask; it resolves to whether it was done."""
    return page_script("collect_garbage.js")


def keep_console() -> str:
    """Return a script for browsers whose automation does not tell what a page says."""
    return page_script("keep_console.js")
