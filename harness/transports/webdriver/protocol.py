"""The few commands of W3C WebDriver that measuring needs, over HTTP to a driver on this host.

https://www.w3.org/TR/webdriver2/: every answer is JSON with one `value`; of an error it has
`error` (one of the words of section 6.6) and `message`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

# Milliseconds, 23 days: the visit's deadline governs. WebKitGTK takes 32 bits and no more.
_NEVER_MS = 2_000_000_000
# A driver whose browser dies at once waits for it for ever.
_SESSION_WITHIN_S = 30.0
_RUN_FUNCTION = """\
const [argument, done] = arguments;
Promise.resolve()
  .then(() => (%s)(argument))
  .then(
    (value) => done({ value }),
    (error) => done({ error: String(error?.message ?? error) }),
  );
"""


class DriverError(Exception):
    """The driver refused a command; `error` is WebDriver's own word for why."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}" if message else error)
        self.error = error


class DriverGone(Exception):
    """The driver hung up, or cannot be reached."""


class DeadlinePassed(Exception):
    """The driver did not answer in time."""

    def __init__(self) -> None:
        super().__init__("the driver did not answer in time")


class FunctionFailed(Exception):
    """A function that was evaluated in the page threw, or its promise was rejected."""


class RemoteEnd:
    """A driver that listens on a port of 127.0.0.1; every command must be answered by `deadline`.

    `deadline` is in seconds of `time.monotonic()`.
    """

    def __init__(self, port: int, deadline: float) -> None:
        self._port = port
        self._deadline = deadline

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        within_s: float = math.inf,
    ) -> Any:
        """Send one command and return the `value` of its answer, by the deadline and `within_s`.

        Raises:
            DriverError: the driver refused it.
            DriverGone: there was no answer, or none of WebDriver's.
            DeadlinePassed: it came too late.
        """
        left_s = min(self._deadline - time.monotonic(), within_s)
        if left_s <= 0:
            raise DeadlinePassed
        connection = HTTPConnection("127.0.0.1", self._port, timeout=left_s)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        except TimeoutError as error:
            raise DeadlinePassed from error
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            raise DriverGone(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            told = value if isinstance(value, dict) else {}
            raise DriverError(str(told.get("error", answer.status)), str(told.get("message", "")))
        return value


class WebDriverSession:
    """A session: one browser with one window."""

    def __init__(self, remote: RemoteEnd, capabilities: Mapping[str, Any]) -> None:
        self._remote = remote
        wanted = {"capabilities": {"alwaysMatch": dict(capabilities)}}
        told = remote.call("POST", "/session", wanted, within_s=_SESSION_WITHIN_S)
        self._path = f"/session/{told['sessionId']}"
        self.version = str(told["capabilities"].get("browserVersion", ""))
        self._post("timeouts", {"script": _NEVER_MS, "pageLoad": _NEVER_MS})

    def goto(self, url: str) -> None:
        """Load a page and wait for its load event."""
        self._post("url", {"url": url})

    def execute(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function, and return what it returns."""
        return self._post("execute/sync", {"script": script, "args": arguments})

    def evaluate(self, function: str, argument: Any) -> Any:
        """Call a function with one value, and return what it returns or resolves to.

        Raises:
            FunctionFailed: it threw, or its promise was rejected.
        """
        body = {"script": _RUN_FUNCTION % function, "args": [argument]}
        try:
            answer = self._post("execute/async", body)
        except DriverError as error:
            # What is no function at all fails before it could catch anything.
            if error.error == "javascript error":
                raise FunctionFailed(str(error)) from error
            raise
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer.get("value")

    def end(self, *, within_s: float) -> None:
        """Close the window, and with it the browser."""
        self._remote.call("DELETE", self._path, within_s=within_s)

    def _post(self, command: str, body: Mapping[str, Any]) -> Any:
        return self._remote.call("POST", f"{self._path}/{command}", body)
