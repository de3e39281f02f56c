"""Which Chromium-like browsers this host has: installed ones, and Playwright's own download.

A browser counts only if it starts and tells its version; Playwright itself is not imported.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.errors import TargetNotFound

FAMILIES = ("chromium", "chrome", "edge")
_VERSION = re.compile(r"(?:^|\s)([A-Z][A-Za-z ]*?)\s+(?:for Testing\s+)?(\d+(?:\.\d+){3})(?:\s|$)")
_ASK_WITHIN_S = 20
_STANDARD_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/snap/bin", "/opt/homebrew/bin")
_PROGRAMS = {
    "chromium": ("chromium", "chromium-browser"),
    "chrome": ("google-chrome-stable", "google-chrome", "/opt/google/chrome/chrome"),
    "edge": ("microsoft-edge-stable", "microsoft-edge", "/opt/microsoft/msedge/msedge"),
}
_MAC_APPLICATIONS = {
    "chromium": "Chromium.app/Contents/MacOS/Chromium",
    "chrome": "Google Chrome.app/Contents/MacOS/Google Chrome",
    "edge": "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
}
_PLAYWRIGHT_NAMES = {"chromium": "chromium", "chrome": "chrome", "edge": "msedge"}
# Where a download lies below `chromium-REVISION/`, by platform, as Playwright 1.64 unpacks it.
_DOWNLOADED = {
    ("Linux", "x86_64"): "chrome-linux64/chrome",
    ("Linux", "aarch64"): "chrome-linux-arm64/chrome",
    ("Darwin", "arm64"): "chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/"
    "Google Chrome for Testing",
    ("Darwin", "x86_64"): "chrome-mac-x64/Google Chrome for Testing.app/Contents/MacOS/"
    "Google Chrome for Testing",
}


@dataclass(frozen=True, slots=True)
class BrowserProgram:
    """A browser that can be started; `origin` is installed, playwright or named."""

    name: str
    path: Path
    version: str
    origin: str

    @property
    def label(self) -> str:
        """For people: the name and major version."""
        return f"{self.name.capitalize()} {self.version.partition('.')[0]}"


def find(browser: str) -> BrowserProgram:
    """Return the browser that a suite names: chromium, chrome, edge, or a program's path.

    `chromium` is an installed Chromium, else Playwright's own download, else Chrome or Edge,
    which are the same engine; the result tells which it is.

    Raises:
        TargetNotFound: there is none; the hint has the one command that brings it.
    """
    if browser not in FAMILIES:
        return _named(browser)
    for program in _all(browser):
        return program
    raise TargetNotFound(
        f"no {browser} is installed on this host",
        hint=f"run: {_install_command(browser)}",
        kind="browser-missing",
    )


def find_all() -> tuple[BrowserProgram, ...]:
    """Return every browser found, in the order in which `chromium` would take them."""
    return tuple(_all("chromium"))


def playwright_download() -> Path | None:
    """Return where Playwright's own Chromium lies, or would lie; None on other platforms."""
    below = _DOWNLOADED.get((platform.system(), platform.machine()))
    spec = find_spec("playwright")
    if below is None or spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent / "driver" / "package"
    try:
        listed = json.loads((package / "browsers.json").read_text())["browsers"]
        revision = next(entry["revision"] for entry in listed if entry["name"] == "chromium")
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        return None
    return _playwright_folder(package) / f"chromium-{revision}" / below


def _all(browser: str) -> Iterator[BrowserProgram]:
    families = FAMILIES if browser == "chromium" else (browser,)
    for family in families:
        seen: set[Path] = set()
        for path in _installed(family):
            if path.resolve() not in seen and (program := _asked(path, family, "installed")):
                seen.add(path.resolve())
                yield program
        download = playwright_download()
        if family == "chromium" and download is not None and download.is_file():
            program = _asked(download, family, "playwright")
            if program:
                yield program


def _installed(family: str) -> Iterator[Path]:
    if platform.system() == "Darwin":
        for root in (Path("/Applications"), Path.home() / "Applications"):
            yield root / _MAC_APPLICATIONS[family]
    # An emptied PATH must not hide what lies in the standard folders.
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *_STANDARD_FOLDERS]
    search = os.pathsep.join(folder for folder in folders if folder)
    for name in _PROGRAMS[family]:
        found = shutil.which(name, path=search)
        if found:
            yield Path(found)


def _named(browser: str) -> BrowserProgram:
    path = Path(browser).expanduser()
    hint = "name an executable file, or one of: " + ", ".join(FAMILIES)
    if "/" not in browser or not path.is_file():
        raise TargetNotFound(f"there is no browser {browser!r}", hint=hint, kind="browser-missing")
    program = _asked(path, "", "named")
    if program is None:
        raise TargetNotFound(
            f"{browser} does not tell a Chromium's version when asked with --version",
            hint=hint,
            kind="browser-missing",
        )
    return program


def _asked(path: Path, family: str, origin: str) -> BrowserProgram | None:
    """Ask a program for its version; None if it does not answer like a browser."""
    try:
        answer = subprocess.run(
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer.stdout.decode(errors="replace"))
    if answer.returncode != 0 or found is None:
        return None
    return BrowserProgram(family or _family(found[1]), path, found[2], origin)


def _family(product: str) -> str:
    for word, family in (("Edge", "edge"), ("Chrome", "chrome")):
        if word in product:
            return family
    return "chromium"


def _playwright_folder(package: Path) -> Path:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named == "0":
        return package / ".local-browsers"
    if named:
        return Path(named)
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "ms-playwright"


def _install_command(browser: str) -> str:
    return f"{sys.executable} -m playwright install {_PLAYWRIGHT_NAMES[browser]}"
