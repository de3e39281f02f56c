"""Text as XML may hold it."""

from __future__ import annotations


def xml_text(text: str) -> str:
    """Return text without control characters, which have no place in XML, even escaped."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
