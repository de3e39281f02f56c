"""What a person sees on stderr while a session runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Literal, TypeAlias

from harness.progress.displays import JsonDisplay, LineDisplay, LiveDisplay
from harness.progress.texts import duration_text, run_text
from harness.runner.events import Event

__all__ = ["Style", "display", "duration_text", "run_text"]

Style: TypeAlias = Literal["auto", "live", "lines", "json", "quiet"]


def display(
    style: Style, stream: IO[str] | None = None
) -> AbstractContextManager[Callable[[Event], None]]:
    """Return the display of a style as a context manager; `auto` looks at the stream."""
    stream = stream or sys.stderr
    if style == "auto":
        style = "live" if stream.isatty() else "lines"
    if style == "live":
        return LiveDisplay(stream)
    if style == "quiet":
        return nullcontext(_nothing)
    return nullcontext(JsonDisplay(stream) if style == "json" else LineDisplay(stream))


def _nothing(_: Event) -> None:
    return None
