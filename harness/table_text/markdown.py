"""Text that Markdown shows as it is."""

from __future__ import annotations

import re

from harness.table_text.visible import visible

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What begins or ends a span anywhere; `_` does so only where it is not inside a word, and a
# bracket makes a link, an image, a footnote or a definition only by what follows its end.
_ACTING = re.compile(r"[\\`*|~]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")


def in_markdown(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    shown = "".join(_ENTITIES.get(character, character) for character in visible(text))
    return _ACTING.sub(lambda match: f"\\{match.group()}", shown)
