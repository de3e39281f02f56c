"""Where Playwright's own downloads lie; Playwright itself is not imported."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# Where a download lies below `BROWSER-REVISION/`, by platform, as Playwright 1.64 unpacks it.
_CHROMIUM_MAC = "Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing"
_PROGRAMS = {
    "chromium": {
        ("Linux", "x86_64"): "chrome-linux64/chrome",
        ("Linux", "aarch64"): "chrome-linux-arm64/chrome",
        ("Darwin", "arm64"): f"chrome-mac-arm64/{_CHROMIUM_MAC}",
        ("Darwin", "x86_64"): f"chrome-mac-x64/{_CHROMIUM_MAC}",
    },
    "webkit": {
        ("Linux", "x86_64"): "pw_run.sh",
        ("Linux", "aarch64"): "pw_run.sh",
        ("Darwin", "arm64"): "pw_run.sh",
        ("Darwin", "x86_64"): "pw_run.sh",
    },
}


@dataclass(frozen=True, slots=True)
class Download:
    """Where a download's program lies, or would lie, and the version that Playwright tells."""

    path: Path
    version: str


def playwright_download(browser: str) -> Download | None:
    """Return Playwright's own chromium or webkit; None on other platforms."""
    below = _PROGRAMS[browser].get((platform.system(), platform.machine()))
    spec = find_spec("playwright")
    if below is None or spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent / "driver" / "package"
    try:
        listed = json.loads((package / "browsers.json").read_text())["browsers"]
        entry = next(entry for entry in listed if entry["name"] == browser)
        folder = _playwright_folder(package) / f"{browser}-{entry['revision']}"
        return Download(folder / below, str(entry["browserVersion"]))
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        return None


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
