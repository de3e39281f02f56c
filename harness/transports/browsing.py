"""What every way to drive a browser keeps, and all that the web lane knows of browsers.

A transport starts a fresh browser for each visit (or says in its facts that it cannot), gives
the visit's code an `OpenBrowser` and its pages, and ends everything with the visit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar

from harness.model import Facts, Scalar
from harness.transports.browser_discovery import BrowserProgram

T = TypeVar("T")

NODE_PROCESS = "node process"
"""The `context` of what runs in a process of Node, which keeps this contract too."""


@dataclass(slots=True)
class PageRecord:
    """What a page said and asked for while it was open.

    `conditions` are facts about the page that only its transport knows.
    """

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    crashed: bool = False
    conditions: dict[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """Which browser a transport drives, and how.

    `title` is its name for people (`WebKitGTK`), `name` the one for machines; `origin` tells how
    it was found (installed, playwright, named); `automation` is what drives it, with its version;
    `args` are the suite's own arguments, `all_args` those with ours; `place` is where it runs;
    `device` are the facts of a phone that it runs on, empty for this host.
    `headless` and `sandbox` are None where they are not known; `isolated` is False where pages
    cannot be cross-origin isolated. `context` and `methods` (pass → how it is measured) are said
    where a run is not a page in a browser process of its own.
    """

    name: str
    title: str
    version: str
    path: str
    origin: str
    automation: str
    headless: bool | None
    sandbox: bool | None
    args: tuple[str, ...] = ()
    all_args: tuple[str, ...] = ()
    place: str = "this host"
    device: Facts = field(default_factory=dict)
    isolated: bool = True
    context: str = "page"
    methods: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        program: BrowserProgram,
        *,
        automation: str,
        headless: bool,
        sandbox: bool,
        args: tuple[str, ...],
        all_args: tuple[str, ...],
    ) -> Self:
        """Return the facts of a browser of this host."""
        return cls(
            name=program.name,
            title=program.title,
            version=program.version,
            path=str(program.path),
            origin=program.origin,
            automation=automation,
            headless=headless,
            sandbox=sandbox,
            args=args,
            all_args=all_args,
        )

    @property
    def program(self) -> str:
        """What the browser's program is called in a command line."""
        return self.path or self.name


class MemoryBaseline(Protocol):
    """The memory of a page's process before anything was loaded into the page."""

    def growth(self) -> Mapping[str, Any]:
        """Return the growth since, as `run.json` keeps it, or `{"absent": reason}`."""


class OpenPage(Protocol):
    """One page; to be used inside the visit that gave it."""

    record: PageRecord

    def goto(self, url: str) -> None:
        """Load a page and wait for its load event."""

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Call a function, given as text, with one JSON value; what it resolves to comes back."""

    def collect_garbage(self) -> None:
        """Have the page's JavaScript heap collected.

        Raises:
            TargetUnfit: this browser has no way to ask for it.
        """


class OpenBrowser(Protocol):
    """One browser; to be used inside the visit that gave it."""

    @property
    def version(self) -> str:
        """The version that the browser itself tells."""

    @property
    def command(self) -> tuple[str, ...]:
        """The whole command line of the browser process, () where it is not known."""

    def page(
        self, origin: str, *, init_scripts: Sequence[str] = (), record: PageRecord | None = None
    ) -> AbstractContextManager[OpenPage]:
        """Open a page of its own; `init_scripts` run in it before anything else, in their order.

        Requests to another origin than `origin` are recorded as foreign. `record` is filled
        while the page is open, and stays when the browser dies.
        """

    def memory_baseline(self, page: OpenPage) -> MemoryBaseline:
        """Read the memory of a page's process after garbage collection."""


class BrowserTransport(Protocol):
    """Starts browsers one at a time; one thread calls it, but for `interrupt`."""

    @property
    def facts(self) -> BrowserFacts:
        """Which browser this is."""

    def origin_for(self, port: int) -> str:
        """Return the origin under which the browser reaches a port of this host's loopback."""

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Start a browser, do `work` with it, and end it.

        Raises:
            RunTimedOut: it did not end within the deadline; its processes were killed.
            RunFailed: browser-crashed, page-error, or killed after `interrupt`.
            TargetLost: the browser is no longer there.
        """

    def interrupt(self) -> None:
        """End the visit that is under way, from any thread."""

    def close(self) -> None:
        """Give back everything."""
