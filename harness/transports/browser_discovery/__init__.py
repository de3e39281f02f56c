"""Which browsers this host has; one counts only if it tells its version when asked."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.errors import TargetNotFound
from harness.transports.browser_discovery import (
    chromium_like,
    firefox,
    playwright_webkit,
    safari,
    webkitgtk,
)
from harness.transports.browser_discovery.chromium_like import FAMILIES
from harness.transports.browser_discovery.program import (
    BrowserProgram,
    missing,
    series_of,
    title_of,
)

__all__ = [
    "BROWSERS",
    "FAMILIES",
    "BrowserProgram",
    "can_be_had",
    "find",
    "find_all",
    "install_command",
    "series_of",
    "title_of",
]


@dataclass(frozen=True, slots=True)
class _Kind:
    all: Callable[[], Iterator[BrowserProgram]]
    install_command: Callable[[], str]


_KINDS: Mapping[str, _Kind] = {
    **{
        family: _Kind(
            partial(chromium_like.all_of, family), partial(chromium_like.install_command, family)
        )
        for family in FAMILIES
    },
    "firefox": _Kind(firefox.all_firefoxes, firefox.install_command),
    "webkitgtk": _Kind(webkitgtk.all_webkitgtks, webkitgtk.install_command),
    "webkit": _Kind(playwright_webkit.all_webkits, playwright_webkit.install_command),
    "safari": _Kind(safari.all_safaris, safari.install_command),
}
BROWSERS = tuple(_KINDS)


def find(browser: str) -> BrowserProgram:
    """Return the browser that a suite names: one of `BROWSERS`, or a program's path.

    Raises:
        TargetNotFound: there is none; the hint has the one command that brings it.
    """
    if browser not in _KINDS:
        return _named(browser)
    for program in _KINDS[browser].all():
        return program
    raise missing(browser, install_command(browser))


def find_all() -> tuple[BrowserProgram, ...]:
    """Return every browser found: the Chromium-like first, as `chromium` would take them."""
    others = (name for name in BROWSERS if name not in FAMILIES)
    return (
        *chromium_like.all_of("chromium"),
        *(program for name in others for program in _KINDS[name].all()),
    )


def install_command(browser: str) -> str:
    """Return the one command that brings a browser."""
    return _KINDS[browser].install_command()


def can_be_had(browser: str) -> bool:
    """Tell whether a browser exists for this kind of host."""
    homes = {"safari": "Darwin", "webkitgtk": "Linux"}
    return homes.get(browser, platform.system()) == platform.system()


def _named(browser: str) -> BrowserProgram:
    path = Path(browser).expanduser()
    hint = "name an executable file, or one of: " + ", ".join(BROWSERS)
    if "/" not in browser or not path.is_file():
        raise TargetNotFound(f"there is no browser {browser!r}", hint=hint, kind="browser-missing")
    program = firefox.asked(path, "named") or chromium_like.asked(path, "named")
    if program is None:
        raise TargetNotFound(
            f"{browser} tells neither a Chromium's nor a Firefox's version when asked "
            "with --version",
            hint=hint,
            kind="browser-missing",
        )
    return program
