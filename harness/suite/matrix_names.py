"""What the entries that a matrix makes are called: readable, and safe as names of cells."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Scalar
from harness.suite.nodes import MapNode, Node, ScalarNode

THREADS = "threads"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_UNFIT = re.compile(r"[a-z]+://|[/\\,=]+")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One value of one axis: the key, the value, and its place among the values, from 1."""

    key: str
    value: Node
    place: int

    @property
    def text(self) -> str:
        """Return what `{key}` stands for in a pattern: the value as text that fits a name."""
        said = self.fact
        if not isinstance(said, str):
            return json.dumps(said)
        fitting = "".join(char for char in _UNFIT.sub("-", said) if char.isprintable())
        return fitting.strip(" -.") or str(self.place)

    @property
    def fact(self) -> Scalar:
        """Return the value as results keep it; what is no single value goes by its place."""
        scalar = self._scalar
        return scalar.value if scalar else str(self.place)

    @property
    def part(self) -> str:
        """Return its part of a name: `2t`, `xnnpack`, `no-xnnpack`, `width-0.5`, `fp16`."""
        said = self.fact
        if isinstance(said, bool):
            return self.key if said else f"no-{self.key}"
        if isinstance(said, str) and self._scalar:
            return self.text
        return f"{self.text}t" if self.key == THREADS else f"{self.key}-{self.text}"

    @property
    def _scalar(self) -> ScalarNode | None:
        """The value itself, or the path or URL that a source spells out: a pin changes no name."""
        if isinstance(self.value, MapNode):
            return self.value.text("url") or self.value.text("path")
        return self.value if isinstance(self.value, ScalarNode) else None


def default_name(entry: str, chosen: Sequence[Chosen]) -> str:
    """Return the name of a combination: that of the entry, then a part per axis."""
    return "-".join((entry, *(each.part for each in chosen)))


def patterned_name(pattern: str, chosen: Sequence[Chosen]) -> str:
    """Return the name that a pattern such as `simd-{threads}t` gives; all its keys are chosen."""
    texts = {each.key: each.text for each in chosen}
    return PLACEHOLDER.sub(lambda found: texts[found[1]], pattern)
