"""A browser that came by itself, driven by what it asks for; see `harness.transports.browsing`."""

from __future__ import annotations

import html
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from harness.errors import RunFailed, TargetUnfit
from harness.transports.browsing import BrowserFacts, OpenBrowser, OpenPage, PageRecord
from harness.transports.served.device import ConnectedDevice
from harness.transports.served.exchange import Answer, Exchange, hidden
from harness.transports.served.lobby import Lobby
from harness.transports.server import PageServer

T = TypeVar("T")

_ASKS_FOR_WORK_WITHIN_S = 20.0
_IS_BACK_WITHIN_S = 2.0
_SLEPT_S = 2.0
"""By so much time of day and the page's clock differ when a device slept meanwhile."""
_NO_PROCESS = "a served browser tells what its page knows, and nothing of its process"


class ServedBrowsers:
    """The one browser that came in: it is kept, and each run is a fresh page in it."""

    def __init__(self, lobby: Lobby, device: ConnectedDevice) -> None:
        self._lobby = lobby
        self._device = device

    @property
    def pages(self) -> PageServer:
        """The only server that the browser reaches."""
        return self._lobby.pages

    @property
    def facts(self) -> BrowserFacts:
        """Which browser it is, as its page told."""
        family = self._device.family
        return BrowserFacts(
            name=family.name,
            title=family.title,
            version=family.version,
            path="",
            origin="told by the page",
            automation="none: the page asks for its work",
            headless=None,
            sandbox=None,
            place=f"{self._device.label} (served)",
            isolated=self._device.told.isolated,
            context="served page",
            methods={
                "latency": "loop in the page, fresh page, browser kept",
                "memory": "told by the page after its warm-up; fresh page, browser kept",
            },
        )

    def origin_for(self, port: int) -> str:  # noqa: ARG002  the lobby's port is the only one
        """Return the origin of the lobby."""
        return self._lobby.origin

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Do `work` with the browser when it asks for some; it is not started and not ended.

        Raises:
            RunTimedOut: it did not end within the deadline.
            RunFailed: page-hidden, clock-jump, page-error, or killed after `interrupt`.
            TargetLost: the browser does not ask for work.
        """
        exchange = self._lobby.exchange
        exchange.begin(_ASKS_FOR_WORK_WITHIN_S)
        try:
            return work(ServedBrowser(self._device, exchange, self.pages, deadline_s))
        finally:
            exchange.leave()

    def recover(self) -> str:
        """See whether the browser asks for work again.

        Raises:
            TargetLost: it does not.
        """
        self._lobby.exchange.begin(_IS_BACK_WITHIN_S)
        return ""

    def interrupt(self) -> None:
        """End the visit that is under way, from any thread."""
        self._lobby.exchange.interrupt()

    def close(self) -> None:
        """Leave the lobby open: it belongs to the session."""


class ServedBrowser:
    """The browser during one visit; see `OpenBrowser`."""

    def __init__(
        self,
        device: ConnectedDevice,
        exchange: Exchange,
        pages: PageServer,
        deadline_s: float,
    ) -> None:
        self._device = device
        self._exchange = exchange
        self._pages = pages
        self._deadline = time.monotonic() + deadline_s

    @property
    def version(self) -> str:
        """The version that the user agent tells."""
        return self._device.family.version

    @property
    def command(self) -> tuple[str, ...]:
        """Nothing: it was not started from here."""
        return ()

    @contextmanager
    def page(
        self,
        origin: str,  # noqa: ARG002  the page's policy keeps it to its origin
        *,
        init_scripts: Sequence[str] = (),
        record: PageRecord | None = None,
    ) -> Iterator[OpenPage]:
        """Give a page that is loaded afresh; `init_scripts` are put into it before all else."""
        try:
            yield ServedPage(
                self._exchange,
                self._pages,
                tuple(init_scripts),
                record or PageRecord(),
                self._deadline,
            )
        finally:
            self._exchange.leave()

    def memory_baseline(self, page: OpenPage) -> NoProcessMemory:  # noqa: ARG002  as `OpenBrowser`
        """Return what says that nothing is known of the process."""
        return NoProcessMemory()


class NoProcessMemory:
    """Stands where the memory of a process would."""

    def growth(self) -> Mapping[str, Any]:
        """Say why there is none."""
        return {"absent": _NO_PROCESS}


class ServedPage:
    """The page of a run in a browser elsewhere; see `OpenPage`."""

    def __init__(
        self,
        exchange: Exchange,
        pages: PageServer,
        init_scripts: tuple[str, ...],
        record: PageRecord,
        deadline: float,
    ) -> None:
        self.record = record
        self._exchange = exchange
        self._pages = pages
        self._init_scripts = init_scripts
        self._deadline = deadline

    def goto(self, url: str) -> None:
        """Have the browser load a page, and wait until it asks for its job."""
        place = secrets.token_urlsafe(8)
        self._pages.change(url, lambda page: with_agent(page, place, self._init_scripts))
        self._exchange.open(urlsplit(url).path, place, self._deadline)

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Have the page call a function; refuse its answer if the page did not stay in front."""
        answer = self._exchange.evaluate(expression, argument, self._deadline)
        self._note(answer)
        seen = answer.seen
        if seen.hidden:
            raise hidden(f"the page was {', '.join(seen.hidden)}")
        if abs(seen.slept_s) > _SLEPT_S:
            raise RunFailed(
                f"the device's time of day moved {seen.slept_s:.1f} s against the page's clock: "
                "it slept, or its clock was set",
                hint="keep it awake, and let it set its clock before the session",
                kind="clock-jump",
            )
        if answer.error is not None:
            raise RunFailed(
                answer.error,
                hint="console.json of this run has what the page said",
                kind="page-error",
            )
        return answer.value

    def collect_garbage(self) -> None:
        """Raise `TargetUnfit`: pages cannot ask for it."""
        raise TargetUnfit(_NO_PROCESS, hint="nothing to do: its memory metrics are absent")

    def _note(self, answer: Answer) -> None:
        seen = answer.seen
        self.record.console += seen.console
        self.record.errors += seen.errors
        self.record.conditions["wake_lock"] = seen.wake_lock or None


_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)
_ENDS_A_SCRIPT = re.compile(r"<(?=/script|!--)", re.IGNORECASE)


def with_agent(page: bytes, place: str, init_scripts: Sequence[str]) -> bytes:
    """Return a page with scripts before all that it has: the init scripts, then what asks for jobs.

    Where a script of ours has what would end it in a page, its meaning in a string stays.
    """
    scripts = [_ENDS_A_SCRIPT.sub(r"\\x3C", script) for script in init_scripts]
    inline = "".join(f"<script>{script}\n</script>" for script in scripts)
    agent = f'<script src="/run_page.js" data-place="{html.escape(place)}"></script>'
    head = _HEAD.search(page)
    if head is None:
        raise RunFailed("a page without a head cannot be served", hint="report it: this is a bug")
    return page[: head.end()] + (inline + agent).encode() + page[head.end() :]
