"""Lines that have arrived whole: the last one of an answer that was cut off is none."""

from __future__ import annotations


def whole_lines(text: str) -> list[str]:
    """Return the lines that end with a newline, without it and without a carriage return."""
    return [line.removesuffix("\r") for line in text.split("\n")[:-1]]
