"""Printing tables to stdout in any registered format."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from harness.model import Table
from harness.plugins import registry


def print_tables(tables: Sequence[Table], format_name: str | None) -> None:
    """Print tables to stdout; the terminal format has colour only on a terminal.

    Raises:
        PluginError: there is no such format.
    """
    plugin = registry("formats").get(format_name or "terminal")
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if hasattr(plugin, "render_for"):
        width = shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else 100
        text = plugin.render_for(tables, colour=colour, width=width)
    else:
        text = plugin.render(tables)
    sys.stdout.write(text)
    sys.stdout.flush()
