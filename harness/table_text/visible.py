"""Names as they are, but for characters that would act instead of being seen."""

from __future__ import annotations

import unicodedata

ABSENT = "–"
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_STARTS_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""In full width too, which spreadsheets read alike (OWASP, CSV Injection)."""


def visible(text: str) -> str:
    """Return text in which control, direction-changing and line characters are spelt out."""
    # What is printable has none of them; captures are long, and nearly all of it is.
    if text.isprintable():
        return text
    return "".join(
        _spelt(character) if unicodedata.category(character) in _ACTING else character
        for character in text
    )


def inert(text: str) -> str:
    """Return visible text that no spreadsheet runs as a formula: an apostrophe goes before one."""
    seen = visible(text)
    return f"'{seen}" if seen.lstrip().startswith(_STARTS_A_FORMULA) else seen


def _spelt(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
