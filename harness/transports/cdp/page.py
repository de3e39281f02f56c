"""One page of Chrome on a phone; see `harness.transports.browsing.OpenPage`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.errors import RunFailed
from harness.transports.browsing import PageRecord
from harness.transports.cdp.conversation import Conversation, Event

_MOST_MESSAGES = 1000
_CONSOLE_HINT = "console.json of this run has what the page said"
_HIDDEN_HINT = (
    "unlock the phone, keep its screen on (`conditions: {stay_awake: true}`), and leave nothing "
    "in front of Chrome"
)
# A page that was ever hidden was slowed down, whatever it is when it answers.
_WATCH_HIDDEN = """
document.addEventListener("visibilitychange", () => { globalThis.edgebenchWasHidden = true; });
"""
# A new page may be loaded before the phone has brought it to the front.
_COMES_TO_FRONT = """async milliseconds => {
    const end = performance.now() + milliseconds;
    while (document.visibilityState !== "visible" && performance.now() < end) {
        await new Promise(resolve => setTimeout(resolve, 20));
    }
    globalThis.edgebenchWasHidden = document.visibilityState !== "visible";
}"""
_FRONT_WITHIN_MS = 5000


class PageCrashed(Exception):
    """The page's process ended."""


class CdpPage:
    """A page that was made for one visit."""

    def __init__(self, conversation: Conversation, origin: str, record: PageRecord) -> None:
        self.record = record
        self._said = conversation
        self._origin = origin
        self._loaded: set[str] = set()
        conversation.on("Runtime.consoleAPICalled", self._on_console)
        conversation.on("Runtime.exceptionThrown", self._on_exception)
        conversation.on("Log.entryAdded", self._on_log)
        conversation.on("Network.requestWillBeSent", self._on_request)
        conversation.on("Page.lifecycleEvent", self._on_lifecycle)
        conversation.on("Inspector.targetCrashed", self._on_crash)

    def prepare(self, init_scripts: Sequence[str]) -> None:
        """Have the page tell what it does, and run scripts before anything else."""
        for domain in ("Page", "Runtime", "Log", "Inspector"):
            self._said.call(f"{domain}.enable")
        # Bodies of responses are the server's to hash; the browser need not keep them for us.
        self._said.call("Network.enable", maxTotalBufferSize=0, maxResourceBufferSize=0)
        self._said.call("Page.setLifecycleEventsEnabled", enabled=True)
        for script in (_WATCH_HIDDEN, *init_scripts):
            self._said.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._said.call("Page.bringToFront")

    def goto(self, url: str) -> None:
        """Load a page and wait for its load event.

        Raises:
            RunFailed: it cannot be loaded (page-error), or is not on the screen (page-hidden).
        """
        gone = self._said.call("Page.navigate", url=url)
        if gone.get("errorText"):
            raise RunFailed(
                f"the page cannot be loaded: {gone['errorText']}",
                hint="look at `adb reverse --list` while it runs",
                kind="page-error",
            )
        self._said.wait_until(lambda: str(gone.get("loaderId")) in self._loaded)
        self.evaluate(_COMES_TO_FRONT, _FRONT_WITHIN_MS)
        self.check_visible()

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Call a function, given as text, with one JSON value; what it resolves to comes back.

        Raises:
            RunFailed: it threw (page-error).
        """
        said = self._said.call(
            "Runtime.evaluate",
            expression=f"({expression})({json.dumps(argument)})",
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in said:
            raise RunFailed(
                f"the page failed: {_thrown(said['exceptionDetails'])}",
                hint=_CONSOLE_HINT,
                kind="page-error",
            )
        return said["result"].get("value")

    def collect_garbage(self) -> None:
        """Have the page's JavaScript heap collected."""
        self._said.call("HeapProfiler.collectGarbage")

    def check_visible(self) -> None:
        """Raise `RunFailed` (page-hidden) if the page was ever hidden since it was loaded."""
        if self.evaluate("() => edgebenchWasHidden"):
            raise RunFailed(
                "the page was hidden: the phone's screen was off or locked, or something stood "
                "in front of Chrome",
                hint=_HIDDEN_HINT,
                kind="page-hidden",
            )

    def _on_console(self, event: Event) -> None:
        words = (_shown(argument) for argument in event.get("args", ()))
        _keep(self.record.console, f"{event.get('type', 'log')}: {' '.join(words)}")

    def _on_exception(self, event: Event) -> None:
        _keep(self.record.errors, _thrown(event.get("exceptionDetails", {})))

    def _on_log(self, event: Event) -> None:
        entry = event.get("entry", {})
        _keep(self.record.console, f"{entry.get('level', 'info')}: {entry.get('text', '')}")

    def _on_request(self, event: Event) -> None:
        url = str(event.get("request", {}).get("url", ""))
        if not url.startswith((f"{self._origin}/", "blob:", "data:", "about:")):
            _keep(self.record.foreign, url)

    def _on_lifecycle(self, event: Event) -> None:
        if event.get("name") == "load":
            self._loaded.add(str(event.get("loaderId")))

    def _on_crash(self, _event: Event) -> None:
        self.record.crashed = True
        raise PageCrashed


def _shown(remote: Event) -> str:
    """Return a value of the page as its console shows it."""
    for key in ("value", "unserializableValue", "description"):
        if key in remote:
            return str(remote[key])
    return str(remote.get("type", ""))


def _thrown(details: Event) -> str:
    """Return the first line of what was thrown; the rest is where."""
    text = str(details.get("exception", {}).get("description") or details.get("text", ""))
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def _keep(lines: list[str], line: str) -> None:
    if len(lines) < _MOST_MESSAGES:
        lines.append(line)
