"""Writing pins into a suite's text without touching anything else in it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.suite.document import scalar_value
from harness.suite.keys import is_url
from harness.suite.nodes import MapNode, Node, ScalarNode

# What stands in braces without quotes in every YAML reader; `,?[]{}` do not.
_BARE = re.compile(r"[A-Za-z0-9/._~%@+=:-]*[A-Za-z0-9/._~%@+=-]")

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace `start`..`end` of a text."""

    start: int
    end: int
    text: str


def pin(text: str, source: Node, pins: Mapping[str, str]) -> Edit:
    """Return the edit that adds keys to a source: a mapping, or a URL or a path alone."""
    if not isinstance(source, MapNode):
        written = text[source.start : source.end]
        if not written.startswith(("'", '"', "*", "&")) and not _BARE.fullmatch(written):
            written = _quoted(written)
        kind = "url" if is_url(source_text(source)) else "path"
        return Edit(source.start, source.end, "{" + f"{kind}: {written}{_in_braces(pins)}" + "}")
    last = max(
        (entry for key, entry in source.entries.items() if key in {"url", "path", "sha256"}),
        key=lambda entry: entry.value.end,
    )
    if source.flow:
        return Edit(last.value.end, last.value.end, _in_braces(pins))
    line_start = _line_start(text, last.key.start)
    indent = " " * (last.key.start - line_start)
    return _lines_after(
        text, last.value.end, [f"{indent}{key}: {_plain(pins[key])}" for key in pins]
    )


def source_text(source: Node) -> str:
    """Return what a source says that is a text alone."""
    return source.text if isinstance(source, ScalarNode) else ""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; an edit that is asked for twice is made once."""
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _in_braces(pins: Mapping[str, str]) -> str:
    return "".join(f", {key}: {_plain(value)}" for key, value in pins.items())


def _plain(value: str) -> str:
    # A hash of digits around a single `e` would be read as a number.
    return value if isinstance(scalar_value(value), str) else _quoted(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _lines_after(text: str, index: int, lines: list[str]) -> Edit:
    """Add lines below the one that `index` stands on, ended as that one is."""
    above = next((end for end in ("\r\n", "\n", "\r") if text.endswith(end, 0, index)), None)
    if above:  # behind a block scalar, which takes its line end
        return Edit(index, index, "".join(line + above for line in lines))
    end = _LINE_END.search(text, index)
    if end is None:
        newline = (_LINE_END.search(text) or "\n")[0]
        return Edit(len(text), len(text), "".join(newline + line for line in lines))
    return Edit(end.end(), end.end(), "".join(line + end[0] for line in lines))
