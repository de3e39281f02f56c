"""Calls and events of one DevTools target, each with what is left of a visit's deadline.

The messages are those of the Chrome DevTools protocol: `{id, method, params}` is answered by
`{id, result}` or `{id, error: {message}}`, and `{method, params}` is an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from harness.transports.adb.deadline import Deadline

Event = Mapping[str, Any]


class Refused(Exception):
    """The browser answered a call with this error."""


class Messages(Protocol):
    """What carries messages; see `DevtoolsSocket`."""

    def send(self, text: str) -> None:
        """Send one."""

    def receive(self, within_s: float) -> str:
        """Return the next one."""


class Conversation:
    """Speaks with one target. One thread uses it; events are handed on while it waits.

    Every call raises `Closed` when the other side is gone, and TimeoutError at the deadline.
    """

    def __init__(self, messages: Messages, deadline: Deadline) -> None:
        self._messages = messages
        self._deadline = deadline
        self._last_id = 0
        self._listeners: dict[str, Callable[[Event], None]] = {}

    def on(self, event: str, listener: Callable[[Event], None]) -> None:
        """Have each event of a name handed to a listener, which may raise."""
        self._listeners[event] = listener

    def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Call a method and return its result; raises `Refused` with the browser's words."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        self._messages.send(json.dumps(message))
        while True:
            answer = self._next()
            if answer.get("id") == self._last_id:
                break
        if "error" in answer:
            raise Refused(f"{method}: {answer['error'].get('message', 'no reason given')}")
        result: Mapping[str, Any] = answer.get("result", {})
        return result

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Hand on events until something holds."""
        while not holds():
            self._next()

    def _next(self) -> Mapping[str, Any]:
        message: Mapping[str, Any] = json.loads(
            self._messages.receive(self._deadline.remaining_s())
        )
        listener = self._listeners.get(str(message.get("method")))
        if listener is not None:
            listener(message.get("params", {}))
        return message
