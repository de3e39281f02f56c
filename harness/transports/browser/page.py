"""A fresh browser process and its pages, as the code of a visit sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from harness.errors import TargetUnfit
from harness.transports.browser.engines import Engine
from harness.transports.browsing import OpenPage, PageRecord
from harness.transports.processes import ProcessId, command_of
from harness.transports.renderer_memory import RendererBaseline

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

_MOST_MESSAGES = 1000
_GONE = "Execution context was destroyed"


class PlaywrightPage:
    """One page of a fresh context; see `OpenPage`."""

    def __init__(self, page: Page, origin: str, engine: Engine, record: PageRecord) -> None:
        self._page = page
        self._engine = engine
        self._left = False
        self.record = record
        page.on("console", lambda message: _keep(record.console, _console_line(message)))
        page.on("pageerror", lambda error: _keep(record.errors, str(error)))
        page.on("crash", lambda _: setattr(record, "crashed", True))
        page.on("framenavigated", lambda _: setattr(self, "_left", True))
        page.on("request", lambda request: self._watch(request, origin))

    def goto(self, url: str) -> None:
        """Load a page and wait for its load event."""
        self._page.goto(url)
        self._left = False

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Evaluate a function in the page; what it returns (or resolves to) comes back."""
        try:
            return self._page.evaluate(expression, argument)
        except Exception as error:
            # Over BiDi a crash is not told as one: the page is gone, and went nowhere.
            if _GONE in str(error) and not self._left:
                self.record.crashed = True
            raise

    def collect_garbage(self) -> None:
        """Have the page's JavaScript heap collected, in its engine's way.

        Raises:
            TargetUnfit: it was not.
        """
        if not self._engine.collect_garbage(self._page):
            raise TargetUnfit(
                "the page's garbage was not collected", hint="measure memory in another browser"
            )

    def _watch(self, request: Request, origin: str) -> None:
        if not request.url.startswith((f"{origin}/", "blob:", "data:")):
            _keep(self.record.foreign, request.url)


class PlaywrightBrowser:
    """One fresh browser process; see `OpenBrowser`."""

    def __init__(self, browser: Browser, engine: Engine, root: ProcessId | None) -> None:
        self._browser = browser
        self._engine = engine
        self.root = root
        self.records: list[PageRecord] = []

    @property
    def version(self) -> str:
        """The version that the browser itself tells."""
        return self._browser.version

    @property
    def command(self) -> tuple[str, ...]:
        """The whole command line of the browser process, with what Playwright adds."""
        return command_of(self.root.pid) if self.root else ()

    @contextmanager
    def page(
        self, origin: str, *, init_scripts: Sequence[str] = (), record: PageRecord | None = None
    ) -> Iterator[PlaywrightPage]:
        """Open a page in a context of its own; `init_scripts` run first in it, in their order.

        `record` is filled while the page is open, and stays when the browser dies.
        """
        record = record or PageRecord()
        self.records.append(record)
        context = self._browser.new_context()
        # The deadline of the visit governs; a second one would only give a second error.
        context.set_default_timeout(0)
        page = context.new_page()
        # Playwright does not promise an order among several init scripts.
        if init_scripts:
            page.add_init_script("\n;\n".join(init_scripts))
        try:
            yield PlaywrightPage(page, origin, self._engine, record)
        finally:
            with ignoring_failure():
                context.close()

    def memory_baseline(self, page: OpenPage) -> RendererBaseline:
        """Read the memory of the page's process, which is found by having the page work."""
        return RendererBaseline(self.renderers, page, gc=self._engine.gc)

    def renderers(self) -> tuple[int, ...]:
        """Return the pids of the processes of pages, of which one is the page's."""
        return self._engine.renderers(self._browser, self.root)


@contextmanager
def ignoring_failure() -> Iterator[None]:
    """Closing what has crashed or been killed fails in many ways, and need not succeed."""
    with suppress(Exception):
        yield


def _console_line(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"


def _keep(lines: list[str], line: str) -> None:
    if len(lines) < _MOST_MESSAGES:
        lines.append(line)
