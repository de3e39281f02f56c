"""A browser that was found, and how a program is asked for its version."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TargetNotFound

_ASK_WITHIN_S = 20
_STANDARD_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/snap/bin", "/opt/homebrew/bin")
_TITLES = {"webkit": "Playwright's WebKit", "webkitgtk": "WebKitGTK"}
# WebKitGTK has a new stable series twice a year, and they all start with 2.
_PARTS_OF_SERIES = {"webkitgtk": 2}


@dataclass(frozen=True, slots=True)
class BrowserProgram:
    """A browser that can be started; `origin` is installed, playwright or named."""

    name: str
    path: Path
    version: str
    origin: str

    @property
    def title(self) -> str:
        """Its name for people."""
        return title_of(self.name)

    @property
    def label(self) -> str:
        """For people: the name and the series, `Chromium 156`, `WebKitGTK 2.50`."""
        return f"{self.title} {series_of(self.name, self.version)}"


def title_of(name: str) -> str:
    """Return a browser's name for people."""
    return _TITLES.get(name, name.capitalize())


def series_of(name: str, version: str) -> str:
    """Return what people call a version: the major one, for WebKitGTK two parts of it."""
    return ".".join(version.split(".")[: _PARTS_OF_SERIES.get(name, 1)])


def missing(browser: str, command: str) -> TargetNotFound:
    """Return the error for a browser that is not there, with the one command that brings it."""
    return TargetNotFound(
        f"no {title_of(browser)} is installed on this host",
        hint=f"run: {command}",
        kind="browser-missing",
    )


def on_path(*programs: str) -> tuple[Path, ...]:
    """Return those programs that are found in PATH or in the standard folders.

    An emptied PATH must not hide what lies in the standard folders.
    """
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *_STANDARD_FOLDERS]
    search = os.pathsep.join(folder for folder in folders if folder)
    found = (shutil.which(name, path=search) for name in programs)
    return tuple(Path(path) for path in found if path)


def answer_of(*command: str | Path) -> str:
    """Return what a program says when asked, '' if it fails or does not answer."""
    try:
        answer = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace") if answer.returncode == 0 else ""
