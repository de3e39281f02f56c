"""Which targets of a suite a browser measures that comes by itself, and how they are called then.

Targets that say `browser: served` are meant for it; a suite that has none lends it all its web
targets, whatever browser they name. What two of them would measure alike is measured once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.errors import SuiteError
from harness.model import Phone
from harness.suite.values import Suite, Target
from harness.web_lane.options import SERVED, BrowserKeys


def served_suite(suite: Suite, names: Iterable[str] = ()) -> Suite:
    """Return a suite with the targets alone that a served browser measures.

    `names` are targets to choose from, all of them where there are none.

    Raises:
        SuiteError: it has no such target, or none that runs in a browser.
    """
    chosen = frozenset(names)
    known = [target for target in suite.targets if isinstance(target.options, BrowserKeys)]
    unknown = chosen - {target.name for target in known}
    if unknown or not known:
        what = f"target {min(unknown)!r}" if unknown else "target"
        raise SuiteError(
            f"the suite has no {what} that runs in a browser",
            where=str(suite.path),
            hint="its targets in browsers are: " + ", ".join(target.name for target in known)
            if known
            else "add one, such as {driver: web-tfjs, browser: served, variants: …}",
        )
    wanted = [target for target in known if not chosen or target.name in chosen]
    meant = [target for target in wanted if target.options.browser == SERVED]
    return replace(suite, targets=tuple(meant or _merged(wanted)))


def on_device(suite: Suite, label: str, slug: str, bench: str) -> Suite:
    """Return a served suite with its targets on the device that came, which is a bench."""
    device = Phone(alias=label, serial="", bench=bench)
    return replace(
        suite,
        targets=tuple(
            replace(target, name=f"{target.name}@{slug}", phone=device) for target in suite.targets
        ),
    )


def _merged(targets: Iterable[Target]) -> Iterator[Target]:
    """Give each driver's variants once; a second set of another meaning keeps its own target."""
    merged: list[Target] = []
    for target in map(_as_served, targets):
        place = next((i for i, other in enumerate(merged) if _belong(other, target)), None)
        if place is None:
            merged.append(target)
        else:
            merged[place] = _joined(merged[place], target)
    seen: dict[str, int] = {}
    for target in merged:
        number = seen[target.driver] = seen.get(target.driver, 0) + 1
        yield replace(target, name=target.driver + (f"-{number}" if number > 1 else ""))


def _as_served(target: Target) -> Target:
    """Take away what is said of the browser; what is said of the page stays."""
    options = target.options
    own = {
        name: getattr(options, name)
        for name in type(options).model_fields
        if name == "init_script" or name not in BrowserKeys.model_fields
    }
    return replace(target, options=type(options)(**own, browser=SERVED))


def _belong(one: Target, other: Target) -> bool:
    names = {variant.name: variant.options for variant in one.variants}
    baselines = {one.baseline, other.baseline} - {None}
    return (
        (one.driver, one.options, one.sampling) == (other.driver, other.options, other.sampling)
        and len(baselines) <= 1
        and all(names.get(each.name, each.options) == each.options for each in other.variants)
    )


def _joined(one: Target, other: Target) -> Target:
    return replace(
        one,
        variants=tuple({each.name: each for each in (*one.variants, *other.variants)}.values()),
        ratios=tuple(dict.fromkeys((*one.ratios, *other.ratios))),
        baseline=one.baseline or other.baseline,
    )
