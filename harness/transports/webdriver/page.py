"""A browser that WebDriver drives, and its one page, as the code of a visit sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from harness.errors import RunFailed, TargetUnfit
from harness.transports.browsing import OpenPage, PageRecord
from harness.transports.page_scripts import GARBAGE_BY_ALLOCATION, collect_garbage, keep_console
from harness.transports.processes import ProcessId, command_of, descendants_of
from harness.transports.renderer_memory import RendererBaseline
from harness.transports.webdriver.flavours import WebDriverLaunch
from harness.transports.webdriver.protocol import (
    DeadlinePassed,
    DriverError,
    DriverGone,
    WebDriverSession,
)

# As an element, so that it is a script of the page and not the body of a function; what it
# throws does not come back that way, so the last thing that it does is to say that it did.
_RUN_SCRIPT = """\
const element = document.createElement("script");
element.textContent = arguments[0] + "\\n;globalThis.edgebenchScriptsRun = " + arguments[1] + ";";
document.documentElement.append(element);
element.remove();
return globalThis.edgebenchScriptsRun === arguments[1];
"""
_FETCHED = 'return performance.getEntriesByType("resource").map((entry) => entry.name);'


class WebDriverPage:
    """The one page of a session; see `OpenPage`.

    WebDriver has no scripts that run before a page's own: they run when it has loaded, before
    anything is evaluated in it. What the page says is kept from then on.
    """

    def __init__(
        self, session: WebDriverSession, origin: str, scripts: Sequence[str], record: PageRecord
    ) -> None:
        self._session = session
        self._origin = origin
        self._scripts = (keep_console(), *scripts)
        self.record = record

    def goto(self, url: str) -> None:
        """Load a page, wait for its load event, and run the init scripts in it.

        Raises:
            RunFailed: page-error: an init script did not run to its end.
        """
        self._session.goto(url)
        for number, script in enumerate(self._scripts):
            if not self._session.execute(_RUN_SCRIPT, script, number):
                self.note()
                raise RunFailed(
                    "an init script did not run to its end",
                    hint="console.json of this run has what it threw; correct the script",
                    kind="page-error",
                )

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Call a function in the page; what it returns (or resolves to) comes back."""
        return self._session.evaluate(expression, argument)

    def collect_garbage(self) -> None:
        """Have garbage collected, and see that it was: an old object has gone.

        Raises:
            TargetUnfit: it has not gone.
        """
        if not self._session.evaluate(collect_garbage(), None):
            raise TargetUnfit(
                "the page's garbage was not collected, whatever was allocated",
                hint="measure memory in another browser",
            )

    def note(self) -> None:
        """Take down what the page has said and fetched so far, if it still answers."""
        with suppress(DriverError, DriverGone, DeadlinePassed, ValueError, TypeError):
            said = json.loads(self._session.execute("return JSON.stringify(edgebenchSaid)"))
            self.record.console[:] = map(str, said["console"])
            self.record.errors[:] = map(str, said["errors"])
            self.record.foreign[:] = [
                url
                for url in self._session.execute(_FETCHED)
                if not url.startswith((f"{self._origin}/", "blob:", "data:"))
            ]


class WebDriverBrowser:
    """One fresh browser; see `OpenBrowser`. It has one page at a time."""

    def __init__(
        self, session: WebDriverSession, driver: ProcessId, launch: WebDriverLaunch
    ) -> None:
        self._session = session
        self._driver = driver
        self._launch = launch
        self.records: list[PageRecord] = []

    @property
    def version(self) -> str:
        """The version that the driver tells of its browser."""
        return self._session.version

    @property
    def command(self) -> tuple[str, ...]:
        """The command line of the browser process, () where the driver does not start it."""
        return command_of(self.process.pid) if self.process else ()

    @property
    def process(self) -> ProcessId | None:
        """The browser's own process, of which those of the pages are children."""
        named = self._below(naming=str(self._launch.program.path))
        return min(named, default=None, key=lambda process: process.started)

    @contextmanager
    def page(
        self, origin: str, *, init_scripts: Sequence[str] = (), record: PageRecord | None = None
    ) -> Iterator[WebDriverPage]:
        """Give the browser's page; `init_scripts` run in it first of all, in their order."""
        page = WebDriverPage(self._session, origin, init_scripts, record or PageRecord())
        self.records.append(page.record)
        try:
            yield page
        finally:
            page.note()

    def memory_baseline(self, page: OpenPage) -> RendererBaseline:
        """Read the memory of the page's process, which is found by having the page work."""
        return RendererBaseline(self._renderers, page, gc=GARBAGE_BY_ALLOCATION)

    def _renderers(self) -> tuple[int, ...]:
        pages = self._launch.pages
        return tuple(process.pid for process in self._below(naming=pages)) if pages else ()

    def _below(self, *, naming: str) -> frozenset[ProcessId]:
        return descendants_of(self._driver, naming=naming)
