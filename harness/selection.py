"""Which cells are meant: names per word, such as `model=a,target=b`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import SuiteError
from harness.model import Cell

WORDS = ("model", "file", "target", "variant")


@dataclass(frozen=True, slots=True)
class Selection:
    """What `--only` lets through: per word the accepted names; an absent word accepts all."""

    accepted: Mapping[str, frozenset[str]]

    def admits(self, cell: Cell) -> bool:
        """Tell whether a cell is selected."""
        return all(getattr(cell, word) in names for word, names in self.accepted.items())


EVERYTHING = Selection({})


def parse_selection(texts: Sequence[str]) -> Selection:
    """Read `--only 'model=a,target=b'`; a repeated word accepts either name.

    Raises:
        SuiteError: a part is not `word=name`.
    """
    accepted: dict[str, set[str]] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        word, equals, name = part.partition("=")
        if not equals or word.strip() not in WORDS:
            raise SuiteError(
                f"--only does not understand {part!r}",
                hint=f"write word=name, with one of the words {', '.join(WORDS)}",
            )
        accepted.setdefault(word.strip(), set()).add(name.strip())
    return Selection({word: frozenset(names) for word, names in accepted.items()})
