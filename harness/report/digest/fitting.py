"""A page that is never longer than it may be, whatever there is to tell.

Every section has a title that is true by itself (it counts what it has), and below it details, the
most important first. What does not fit is counted where it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.counted import counted

MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, by how far it is indented; 0 is a headline."""

    depth: int
    text: str


Block: TypeAlias = tuple[Line, ...]
"""Lines that are shown together or not at all."""


@dataclass(frozen=True, slots=True)
class Section:
    """A title with its details; `shown` is how many of them are."""

    title: Line
    blocks: tuple[Block, ...] = ()
    shown: int = 0

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the title, the blocks that are shown, and how many are left out."""
        told = [line for block in self.blocks[: self.shown] for line in block]
        left = len(self.blocks) - self.shown
        if self.shown and left:
            told.append(Line(self.title.depth + 1, f"and {left} more"))
        return (self.title, *told)


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one session: a headline, its sections, or all of it in one line.

    A `calm` one has nothing that must be done.
    """

    headline: Line
    sections: tuple[Section, ...]
    in_short: Line
    calm: bool = False

    @property
    def lines(self) -> tuple[Line, ...]:
        return (self.headline, *(line for each in self.sections for line in each.lines))


def fitted(head: Sequence[Line], parts: Sequence[Part], most: int = MOST_LINES) -> tuple[Line, ...]:
    """Return at most `most` lines: calm parts become one line each, then details go, then the rest.

    Parts that come first keep more. `most` must leave room for the head and two lines more.
    """
    room = most - len(head)
    whole = [_opened(part, room) for part in parts]
    kept = len(whole)
    while kept > 1 and whole[kept - 1].calm and _whole(whole[:kept]) + len(whole) - kept > room:
        kept -= 1
    while kept and _least(whole[:kept]) + len(whole) - kept > room:
        kept -= 1
    rest = [part.in_short for part in whole[kept:]]
    shrunk = _shrunk(whole[:kept], room - len(rest)) if kept else []
    lines = [line for part in shrunk for line in part.lines] + rest
    if len(lines) > room:
        left = len(lines) - (room - 1)
        lines = [*lines[: room - 1], Line(0, f"and {counted(left, 'session')} more")]
    return (*head, *lines)


def _opened(part: Part, room: int) -> Part:
    sections = (replace(each, shown=min(len(each.blocks), room)) for each in part.sections)
    return replace(part, sections=tuple(sections))


def _whole(parts: Sequence[Part]) -> int:
    return sum(len(part.lines) for part in parts)


def _least(parts: Sequence[Part]) -> int:
    return sum(1 + len(part.sections) for part in parts)


def _shrunk(parts: Sequence[Part], room: int) -> list[Part]:
    """Hide details of whichever section shows most of them, the last of those, until all fits."""
    made = list(parts)
    while _whole(made) > room:
        sizes = [
            (len(section.lines) if section.shown else 0, at, place)
            for at, part in enumerate(made)
            for place, section in enumerate(part.sections)
        ]
        _, at, place = max(sizes)
        sections = list(made[at].sections)
        sections[place] = replace(sections[place], shown=sections[place].shown - 1)
        made[at] = replace(made[at], sections=tuple(sections))
    return made
