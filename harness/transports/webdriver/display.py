"""A display that nobody sees: Xvfb, for browsers that cannot do without a window."""

from __future__ import annotations

import os
import select
import shutil
import time
from pathlib import Path

from harness.errors import RunFailed, TargetNotFound
from harness.system_packages import command_for
from harness.transports.webdriver.guarded import Guard

_STARTS_WITHIN_S = 20.0
_SCREEN = "1280x1024x24"


def start_display(guard: Guard, folder: Path) -> str:
    """Start an Xvfb and return what `DISPLAY` must say, `:7`; it ends with its guard.

    Raises:
        RunFailed: display-missing: it does not start.
    """
    told, tells = os.pipe()
    try:
        try:
            server = guard.start(
                ["Xvfb", "-displayfd", str(tells), "-nolisten", "tcp", "-screen", "0", _SCREEN],
                environ=os.environ,
                log=folder / "xvfb.txt",
                pass_fds=(tells,),
                # Killed outright, it would leave its lock and its socket behind.
                gently=True,
            )
        finally:
            os.close(tells)
        number = _line(told)
    finally:
        os.close(told)
    if not number.isdigit():
        raise RunFailed(
            f"Xvfb did not start: {server.words() or 'it said nothing'}",
            hint="start it by hand to see why",
            kind="display-missing",
        )
    return f":{number}"


def require_display(*, virtual: bool) -> None:
    """Look for Xvfb, or for the desktop where the display is not to be a `virtual` one.

    Raises:
        TargetNotFound: display-missing.
    """
    if not virtual:
        if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
            raise TargetNotFound(
                "there is no desktop here to show this browser's window on",
                hint="leave `headless: false` out, or run this on a desktop",
                kind="display-missing",
            )
        return
    if shutil.which("Xvfb") is None:
        raise TargetNotFound(
            "this browser needs a window, and there is no Xvfb to give it one that is not seen",
            hint=f"run: {command_for('xvfb')} (or say `headless: false` on a desktop)",
            kind="display-missing",
        )


def _line(told: int) -> str:
    """Read a whole line: Xvfb ends if the pipe is closed while it writes the rest."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([told], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(told, 64) if ready else b""
        if not part:
            return ""
        line += part
    return line.decode(errors="replace").strip()
