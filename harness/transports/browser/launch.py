"""How a browser process is started, and with which arguments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.transports.browser_discovery import FAMILIES, BrowserProgram

# Chromium calls home on start; on a closed network that costs time while a run is measured.
QUIET_ARGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True, slots=True)
class BrowserLaunch:
    """How a browser process is started; `args` come after ours.

    Whatever the browser leaves behind when it is killed lies in `scratch`.
    """

    program: BrowserProgram
    scratch: Path
    headless: bool = True
    args: tuple[str, ...] = ()

    @property
    def sandbox(self) -> bool:
        """Whether the browser's own sandbox is on: Chromium's cannot be, as root."""
        if not self.is_chromium:
            return self.program.name == "firefox"
        return os.geteuid() != 0 and "--no-sandbox" not in self.args

    @property
    def all_args(self) -> tuple[str, ...]:
        """What we add to Playwright's own arguments."""
        if not self.is_chromium:
            return self.args
        sandbox = () if self.sandbox else ("--no-sandbox",)
        return tuple(dict.fromkeys((*QUIET_ARGS, *sandbox, *self.args)))

    @property
    def is_chromium(self) -> bool:
        """Whether it is of Chromium's family."""
        return self.program.name in FAMILIES
