"""WebKitGTK's own little browser, MiniBrowser, with the WebDriver that comes beside it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.system_packages import command_for
from harness.transports.browser_discovery.program import BrowserProgram, answer_of

DRIVER = "WebKitWebDriver"
_ROOT = Path("/usr")
# Debian's and Arch's place, with and without an architecture, and Fedora's.
_BROWSERS = (
    "lib/*/webkit*/MiniBrowser",
    "lib/webkit*/MiniBrowser",
    "libexec/webkit*/MiniBrowser",
)
# The folder of the browser names the interface of the library that it shows.
_LIBRARIES = {
    "webkitgtk-6.0": "libwebkitgtk-6.0.so.4",
    "webkit2gtk-4.1": "libwebkit2gtk-4.1.so.0",
    "webkit2gtk-4.0": "libwebkit2gtk-4.0.so.37",
}
# MiniBrowser tells nothing without a display, and the driver has no version of its own. The
# library is asked in another process: it is a hundred megabytes that we do not want in ours.
_ASK = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
parts = (getattr(library, f"webkit_get_{part}_version")() for part in ("major", "minor", "micro"))
print(".".join(map(str, parts)))
"""
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def all_webkitgtks() -> Iterator[BrowserProgram]:
    """Yield every MiniBrowser whose library tells its version, if its driver is there."""
    if shutil.which(DRIVER) is None:
        return
    for pattern in _BROWSERS:
        for path in sorted(_ROOT.glob(pattern), reverse=True):
            library = _LIBRARIES.get(path.parent.name, "")
            told = answer_of(sys.executable, "-I", "-S", "-c", _ASK, library) if library else ""
            if found := _VERSION.fullmatch(told.strip()):
                yield BrowserProgram("webkitgtk", path, found[0], "installed")


def install_command() -> str:
    """Return the command that brings it, and the display that it needs without a window."""
    return command_for("webkit2gtk-driver", "xvfb")
