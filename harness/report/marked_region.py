"""Text between two markers of a file, which is replaced while everything around it stays."""

from __future__ import annotations

from harness.errors import SuiteError

_BEGIN, _END = "<!-- edgebench:{}:begin -->", "<!-- edgebench:{}:end -->"


def with_region(text: str, name: str, content: str, *, where: str) -> str:
    """Return the text with what stands between the markers of this name replaced.

    Raises:
        SuiteError: the markers are not there once each, the first before the second.
    """
    begin, end = _BEGIN.format(name), _END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise SuiteError(
            f"the markers {begin} and {end} must stand in it once, in this order",
            where=where,
            hint="add both lines where the tables shall stand; what is between them is replaced",
        )
    before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    return f"{before}\n\n{content.strip()}\n\n{after}"
