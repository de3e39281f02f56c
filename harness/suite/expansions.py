"""What the matrices of a suite came to, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.counted import counted
from harness.model import Facts
from harness.suite.values import Point, Suite


def expansions(suite: Suite) -> tuple[str, ...]:
    """Say of each entry that was expanded what it became, and which point was added to it."""
    models = {model.name: model.point for model in suite.models}
    return (
        *_told("model", "", models.items()),
        *(
            line
            for target in suite.targets
            for line in _told(
                "variant", f"{target.name}/", ((each.name, each.point) for each in target.variants)
            )
        ),
    )


def axes_of(suite: Suite) -> dict[str, Facts]:
    """Return the value on each axis of what was expanded, by model and by `target/variant`."""
    return {name: dict(point.axes) for name, point in _points(suite)}


def origins_of(suite: Suite) -> dict[str, str]:
    """Return the entry of the file that each was expanded from, by the same names."""
    return {name: point.origin for name, point in _points(suite)}


def _points(suite: Suite) -> list[tuple[str, Point]]:
    named = [
        *((model.name, model.point) for model in suite.models),
        *(
            (f"{target.name}/{each.name}", each.point)
            for target in suite.targets
            for each in target.variants
        ),
    ]
    return [(name, point) for name, point in named if point]


def _told(what: str, where: str, points: Iterable[tuple[str, Point | None]]) -> Iterator[str]:
    made: dict[str, dict[str, Point]] = {}
    for name, point in points:
        if point:
            made.setdefault(point.origin, {})[name] = point
    for origin, names in made.items():
        axes = ", ".join(next(iter(names.values())).axes)
        added = [name for name, point in names.items() if point.added]
        yield (
            f"{where}{origin} is {counted(len(names), what)}, by {axes}: {', '.join(names)}"
            + (f"; {', '.join(added)} added, since speed-ups are over one thread" * bool(added))
        )
