"""What a person sees: one line per step, on stderr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

_CLEAR_LINE = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells each step in one line; on a terminal the line also says what is under way."""

    stream: TextIO

    def begin(self, part: str, text: str) -> None:
        """Say what is under way; kept only until the step is done, and only on a terminal."""
        if self.stream.isatty():
            self._write(f"{_CLEAR_LINE}{part:<10} {text} …")

    def done(self, part: str, text: str) -> None:
        """Say how a step ended."""
        self.say(f"{part:<10} {text}")

    def say(self, text: str) -> None:
        """Say whole lines."""
        self._write((_CLEAR_LINE if self.stream.isatty() else "") + text + "\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
