"""Texts as they may leave this machine: no serial, user or host name, address or path in them.

Result folders hold hashes of serials and a label in place of the machine's name. Captures and
commands hold what a program said, and a program may say anything. What is known to be private (the
names that this machine and its user go by) is taken out wherever it stands; what merely looks
private is taken out by its shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from harness.model import Table
from harness.report.published import cleaned_table, without_paths

LEFT_OUT = "[left out]"

_NOBODYS = frozenset({"root", "user", "admin", "runner", "ubuntu", "localhost", "android", "shell"})
"""Names that thousands of machines share say nothing of anyone, and are words of other things."""
_SHORTEST_NAME = 3
_SHORT = 300


@dataclass(frozen=True, slots=True)
class _Shape:
    """What looks private; a text without any of the `hints`, in small letters, has none of it."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    instead: str = LEFT_OUT


_SHAPES = (
    # A line of Android's `getprop`.
    _Shape(
        ("serialno]", "imei", "hostname]", "bt_addr", "build.user", "build.host"),
        re.compile(
            r"(\[[\w.]*(?:serialno|imei|hostname|bt_addr|build\.(?:user|host))\]: )\[[^\]]*\]"
        ),
        rf"\1{LEFT_OUT}",
    ),
    _Shape(
        ("serial", "imei", "hostname"),
        re.compile(
            r"(?i)\b((?:\w+\.)*(?:serial(?:no)?|imei|hostname)"
            r"[\"']?\s*[=:]\s*[\"']?)[\w.-]{4,}"
        ),
        rf"\1{LEFT_OUT}",
    ),
    _Shape(("adb",), re.compile(r"(\badb\s+-s\s+)\S+"), rf"\1{LEFT_OUT}"),
    _Shape((":",), re.compile(r"\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b")),
    _Shape(
        ("10.", "192.168.", "172."),
        re.compile(
            r"(?<![\d.])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))"
            r"\.\d{1,3}\.\d{1,3}(?![\d.]*\d)"
        ),
    ),
    _Shape(("@",), re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
)


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Takes private things out of texts; `names` are those of this machine and its user."""

    names: frozenset[str] = frozenset()

    def text(self, text: str) -> str:
        """Return a text with `[left out]` in place of what is private, and paths shortened."""
        # The facts of runs are short, and the same in thousands of them.
        return _kept(text, self.names) if len(text) < _SHORT else _scrubbed(text, self.names)

    def words(self, words: Iterable[str]) -> tuple[str, ...]:
        """Return a command's words, each scrubbed by itself."""
        return tuple(map(self.text, words))

    def table(self, table: Table) -> Table:
        """Return a table with all its texts scrubbed."""
        return cleaned_table(table, self.text)


def _scrubbed(text: str, names: frozenset[str]) -> str:
    small = text.lower()
    for shape in _SHAPES:
        if any(hint in small for hint in shape.hints):
            text = shape.pattern.sub(shape.instead, text)
    known = [n for n in names if len(n) >= _SHORTEST_NAME and n.lower() not in _NOBODYS]
    if any(name in text for name in known):
        words = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
        text = re.sub(rf"(?<![\w-])(?:{words})(?![\w-])", LEFT_OUT, text)
    return without_paths(text) if "/" in text or "\\" in text else text


_kept = lru_cache(maxsize=65_536)(_scrubbed)
