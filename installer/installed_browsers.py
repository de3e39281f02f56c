"""Asking the harness, in its own environment, for the browser that it would measure in."""

from __future__ import annotations

from installer.browser import Browser
from installer.commands import Commands
from installer.machine import Machine

_QUESTION = """
from harness.transports.browser_discovery import find
browser = find("chromium")
print(browser.name.capitalize(), browser.version, browser.path, sep="\\t")
"""


def find_browser(machine: Machine, commands: Commands) -> Browser | None:
    """Return the browser that the suite's `chromium` stands for; `.venv` must exist."""
    python = str(machine.venv_bin / "python")
    answer = commands.ask(python, "-c", _QUESTION, timeout_s=90.0)
    if not answer:
        return None
    name, version, path = answer.split("\t")
    return Browser(f"{name} {version}", path)
