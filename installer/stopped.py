"""The one way in which a set-up stops before its end."""

from __future__ import annotations

from collections.abc import Sequence


class SetupStopped(Exception):
    """A part cannot be brought: what is wrong, what to do next, and the end of the log."""

    def __init__(self, message: str, *, next_step: str, tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.tail = tuple(tail)
