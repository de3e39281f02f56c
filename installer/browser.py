"""A browser: one that is installed, else Playwright's own, else the distribution's package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.system_packages import command_for
from installer.commands import Commands
from installer.distribution_packages import BROWSER_PACKAGE, install
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller

PART = "browser"
_DOWNLOAD_TIMEOUT_S = 300.0
_CONNECT_TIMEOUT_MS = "10000"


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that answered when asked for its version."""

    name: str
    path: str


def bring(
    machine: Machine,
    commands: Commands,
    teller: Teller,
    *,
    find: Callable[[], Browser | None],
    may_install: bool,
) -> bool:
    """Have a browser, in the order of the module's first line; tell how; return whether there is.

    `.venv` must exist. Without `may_install` no system package is installed, whoever asks.
    """
    browser, how = find(), "found"
    ways = [("downloaded by Playwright", _download)]
    if may_install:
        ways.append(("installed with apt-get", _install))
    tried = []
    while browser is None and ways:
        how, attempt = ways.pop(0)
        try:
            attempt(machine, commands, teller)
            browser = find()
            tried.append(f"the one {how} does not start")
        except SetupStopped as stopped:
            tried.append(stopped.message.partition(";")[0])
    if browser is not None:
        teller.done(PART, f"{browser.name} at {browser.path} ({how})")
        return True
    how = command_for(BROWSER_PACKAGE, is_root=machine.is_root)
    teller.done(PART, f"none; {'; '.join(tried)}; get one: {how}")
    return False


def _download(machine: Machine, commands: Commands, teller: Teller) -> None:
    teller.begin(PART, "none found: asking Playwright to download Chromium")
    commands.run(
        "Playwright's download",
        [str(machine.venv_bin / "playwright"), "install", "--no-shell", "chromium"],
        log=commands.start_log(PART),
        timeout_s=_DOWNLOAD_TIMEOUT_S,
        next_step="install a browser by hand",
        environ={"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": _CONNECT_TIMEOUT_MS},
    )


def _install(machine: Machine, commands: Commands, teller: Teller) -> None:
    install(machine, commands, teller, [BROWSER_PACKAGE])
