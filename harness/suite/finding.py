"""Mistakes in a suite: where they stand, what is wrong, and how a person is shown them."""

from __future__ import annotations

import difflib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import SuiteError

_MOST_SHOWN = 100
_WIDEST_LINE = 160
_LONGEST_GUESSED = 80


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at one place of a text; `index` counts its characters from 0."""

    index: int
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake as people and programs are told it.

    `line` and `column` count from 1; both are 0 where the file as a whole is meant.
    `source_line` is the line with whatever a terminal could act on replaced, cut to a window
    when it is long; `caret` is the place of `column` in it, counted from 0.
    """

    file: str
    line: int
    column: int
    message: str
    source_line: str = ""
    suggestion: str = ""
    caret: int = 0

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        joint = ", " if self.suggestion.startswith("did you mean") else "; "
        told = self.message + (joint + self.suggestion if self.suggestion else "")
        first = f"{self.place}: {told}"
        if not self.line:
            return first
        return f"{first}\n    {self.source_line}\n    {self._padding()}^"

    def _padding(self) -> str:
        return "".join(_as_wide(character) for character in self.source_line[: self.caret])


class SuiteMistakes(SuiteError):
    """All mistakes of one suite file at once, in the order of their places."""

    def __init__(
        self,
        findings: tuple[Finding, ...],
        keys_are_in: str = "docs/suite-reference.md and `edgebench schema` have every key",
    ) -> None:
        shown = [str(finding) for finding in findings[:_MOST_SHOWN]]
        if len(findings) > _MOST_SHOWN:
            shown.append(f"… and {len(findings) - _MOST_SHOWN} more")
        self.findings = findings
        places = "the place" if len(findings) == 1 else f"the {len(findings)} places"
        super().__init__(
            "\n".join(shown),
            hint=f"correct {places} above; {keys_are_in}",
        )


def about_the_file(file: str, message: str, suggestion: str = "") -> SuiteMistakes:
    """Return the error for a file that cannot be read at all."""
    return SuiteMistakes((Finding(file, 0, 0, message, suggestion=suggestion),))


def findings(text: str, file: str, mistakes: Iterable[Mistake]) -> tuple[Finding, ...]:
    """Place mistakes in their text: sorted by position, each told once."""
    starts = _line_starts(text)
    ordered = sorted(set(mistakes), key=lambda mistake: (mistake.index, mistake.message))
    return tuple(_placed(text, file, starts, mistake) for mistake in ordered)


def near(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest, or '' if none is near."""
    if len(word) > _LONGEST_GUESSED:
        return ""
    # Sorted, so that of two that are equally near the same one is always told.
    lowered = {name.lower(): name for name in sorted(known)}
    found = difflib.get_close_matches(word.lower(), lowered, n=1)
    return lowered[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the known word that is near, or ''."""
    guess = near(word, known)
    return f"did you mean {guess!r}?" if guess else ""


def _line_starts(text: str) -> list[int]:
    """Find where lines begin as editors count them; YAML itself also breaks at U+2028 and such."""
    starts = [0]
    for index, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            starts.append(index + 1)
    return starts


def _placed(text: str, file: str, starts: list[int], mistake: Mistake) -> Finding:
    number = bisect_right(starts, mistake.index)
    start = starts[number - 1]
    end = starts[number] if number < len(starts) else len(text)
    line = text[start:end].rstrip("\r\n")
    offset = min(mistake.index - start, len(line))
    if number == 1 and line.startswith("\ufeff"):
        line, offset = line[1:], max(offset - 1, 0)
    shown, caret = _window(line, offset)
    return Finding(
        file, number, offset + 1, mistake.message, shown.rstrip(), mistake.suggestion, caret
    )


def _window(line: str, offset: int) -> tuple[str, int]:
    if len(line) > _WIDEST_LINE:
        start = max(0, min(offset - _WIDEST_LINE // 2, len(line) - _WIDEST_LINE))
        before = "…" if start else ""
        after = "…" if start + _WIDEST_LINE < len(line) else ""
        line = before + line[start : start + _WIDEST_LINE] + after
        offset = offset - start + len(before)
    harmless = (char if char.isprintable() or char == "\t" else "\ufffd" for char in line)
    return "".join(harmless), offset


def _as_wide(character: str) -> str:
    if character == "\t":
        return "\t"
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in {"W", "F"} else " "
