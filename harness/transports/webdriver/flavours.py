"""How the browsers that speak WebDriver are started: WebKitGTK's MiniBrowser, and Safari."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.transports.browser_discovery import BrowserProgram

# Without it WebKitGTK has no SharedArrayBuffer, in an isolated page neither.
_WEBKITGTK_ENVIRON = {"JSC_useSharedArrayBuffer": "1"}


@dataclass(frozen=True, slots=True)
class WebDriverLaunch:
    """How a browser is started through its driver.

    `driver` is the driver's program, `environ` what is added to our environment, `pages` the
    word that tells the processes of pages by their command lines ('' where they cannot be told).
    With `own_home` the browser's files go to a folder of the visit instead of the user's.
    """

    program: BrowserProgram
    scratch: Path
    driver: str
    headless: bool
    args: tuple[str, ...] = ()
    all_args: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    pages: str = ""
    virtual_display: bool = False
    own_home: bool = False
    sandbox: bool = False

    @property
    def automation(self) -> str:
        """The driver, and what was added to its environment."""
        return " ".join([Path(self.driver).name, *(f"{k}={v}" for k, v in self.environ.items())])


def webkitgtk(
    program: BrowserProgram, scratch: Path, headless: bool, args: tuple[str, ...] = ()
) -> WebDriverLaunch:
    """Return how WebKitGTK's MiniBrowser is started; `headless` gives it a display of its own."""
    all_args = ("--automation", *args)
    return WebDriverLaunch(
        program=program,
        scratch=scratch,
        driver="WebKitWebDriver",
        headless=headless,
        args=args,
        all_args=all_args,
        environ=_WEBKITGTK_ENVIRON,
        capabilities={
            "webkitgtk:browserOptions": {"binary": str(program.path), "args": list(all_args)}
        },
        pages="WebKitWebProcess",
        virtual_display=headless,
        own_home=True,
    )


def safari(program: BrowserProgram, scratch: Path) -> WebDriverLaunch:
    """Return how Safari is started by macOS' safaridriver; it always shows its window."""
    return WebDriverLaunch(
        program=program,
        scratch=scratch,
        driver="/usr/bin/safaridriver",
        headless=False,
        capabilities={"browserName": "safari"},
        sandbox=True,
    )
