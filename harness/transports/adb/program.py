"""Where the adb program is, and which one it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import util
from pathlib import Path

from harness.errors import TargetNotFound

_INSTALL = (
    "install it (Debian, Ubuntu: apt install adb; macOS: brew install android-platform-tools) "
    "or point ADBUTILS_ADB_PATH at one"
)


def find_adb() -> Path:
    """Return the adb program: `$ADBUTILS_ADB_PATH`, then PATH, then the one in adbutils' wheel.

    Raises:
        TargetNotFound: there is none (kind `adb-missing`).
    """
    named = os.environ.get("ADBUTILS_ADB_PATH")
    if named:
        path = shutil.which(named)
        if path is None:
            raise TargetNotFound(
                f"ADBUTILS_ADB_PATH names {named}, which is not a program",
                hint="correct it, or unset it to use the adb on PATH or in adbutils",
                kind="adb-missing",
            )
        return Path(path).absolute()
    on_path = shutil.which("adb")
    if on_path:
        return Path(on_path).absolute()
    bundled = _bundled()
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    raise TargetNotFound("there is no adb program", hint=_INSTALL, kind="adb-missing")


def _bundled() -> Path | None:
    spec = util.find_spec("adbutils")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "binaries" / "adb"


def adb_version(path: Path) -> str:
    """Return the version that an adb program calls itself, such as `36.0.0-13206524`.

    Raises:
        TargetNotFound: it does not run here (kind `adb-missing`).
    """
    try:
        said = subprocess.run(
            [path, "version"], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=20
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        raise TargetNotFound(
            f"{path} does not run here: {error}", hint=_INSTALL, kind="adb-missing"
        ) from error
    return parse_version(said)


def parse_version(said: str) -> str:
    """Read the answer of `adb version`; the build's version, else the protocol's, else ''."""
    for pattern in (r"^Version (\S+)", r"^Android Debug Bridge version (\S+)"):
        match = re.search(pattern, said, re.MULTILINE)
        if match:
            return match[1]
    return ""
