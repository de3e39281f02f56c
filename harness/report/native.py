"""Native against browser: LiteRT beside each Wasm variant of the same model on the same bench.

Why such a ratio may stand, and when it may cross the word `virtual`, is told in
docs/adr/0016-native-beside-browser.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.model import Column, Figure, Scalar, Table
from harness.report import notes
from harness.report.cell_ratios import RatioSummary, distinct
from harness.report.family_wise import family_rule, in_family
from harness.report.layout import gain, section_of
from harness.report.marks import marked_among
from harness.report.metric_values import MetricSummary, summary_of
from harness.report.numbers import SECONDS, scale_for
from harness.report.ran_as import VariantLabels, ran_as_notes
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import cell_ratio

METRIC = "latency_mean"
"""The only figure that crosses lanes."""
SAME = (
    "cpu_model",
    "inputs_sha256",
    "input_shapes",
    "metrics_version",
    "os_major",
    "timed_iterations",
    "timed_max_seconds",
    "warmup_iterations",
    "warmup_seconds",
)
"""Settings that both lanes must share; they differ in driver, context, and what is in the clock."""
_HOST_TOOL = "litert-host"


@dataclass(frozen=True, slots=True)
class _Pair:
    browser: CellSummary
    native: CellSummary
    ratio: RatioSummary


def native_tables(cells: Sequence[CellSummary], *, family_wise: bool = False) -> Iterator[Table]:
    """Return a table of the pairs on real devices, and one of those with a virtual one.

    `family_wise` has the verdicts of a table hold together.
    """
    pairs = list(_pairs(cells))
    for virtual in (False, True):
        own = [pair for pair in pairs if pair.native.virtual == virtual]
        if own and family_wise:
            together = in_family([pair.ratio for pair in own])
            own = [replace(pair, ratio=each) for pair, each in zip(own, together, strict=True)]
        if own:
            yield _table(own)


def _pairs(cells: Sequence[CellSummary]) -> Iterator[_Pair]:
    natives = [cell for cell in cells if _is_native(cell) and _mean(cell)]
    for browser in cells:
        if not (_fact(browser, "context") == "page" and _fact(browser, "wasm") and _mean(browser)):
            continue
        beside = [native for native in natives if _same_place(browser, native)]
        for target in dict.fromkeys(native.cell.target for native in beside):
            own = [native for native in beside if native.cell.target == target]
            for native in _of_equal_threads(browser, own):
                yield _Pair(browser, native, cell_ratio(native, browser, metric=METRIC, same=SAME))


def _is_native(cell: CellSummary) -> bool:
    """Tell whether this is LiteRT outside a browser, on a processor that is what it says.

    A virtual device is that only where this host's LiteRT ran; a stand-in program is not.
    """
    if _fact(cell, "context") in {None, "page"} or cell.target.driver != "android-tflite":
        return False
    return not cell.virtual or _HOST_TOOL in cell.observed("tool_says_it_is")


def _same_place(browser: CellSummary, native: CellSummary) -> bool:
    ours, theirs = browser.cell, native.cell
    return (
        browser.path == native.path
        and browser.target.bench == native.target.bench
        and (ours.model, ours.file) == (theirs.model, theirs.file)
    )


def _of_equal_threads(
    browser: CellSummary, natives: Sequence[CellSummary]
) -> Sequence[CellSummary]:
    """Choose what is compared: as many threads as were observed, else the target's baseline."""
    threads = browser.observed("threads")
    equal = [native for native in natives if native.observed("threads") == threads]
    baseline = [native for native in natives if native.cell.variant == native.target.baseline]
    return equal or baseline or natives[:1]


def _table(pairs: Sequence[_Pair]) -> Table:
    browsers = list({id(pair.browser): pair.browser for pair in pairs}.values())
    natives = list({id(pair.native): pair.native for pair in pairs}.values())
    labels = VariantLabels(browsers)
    times = [mean for cell in (*browsers, *natives) if (mean := _mean(cell))]
    scale = scale_for((mean.median for mean in times), SECONDS)

    def time(cell: CellSummary) -> Figure | None:
        mean = _mean(cell)
        return scale.figure(mean.median, low=mean.low, high=mean.high) if mean else None

    return Table(
        name="native",
        title="Native against browser: LiteRT beside each Wasm variant, on one machine",
        columns=(
            *labels.columns,
            Column("threads", "threads", align="right"),
            Column("time", "time", scale.unit, "right"),
            Column("native", "LiteRT"),
            Column("native_threads", "threads", align="right"),
            Column("native_time", "time", scale.unit, "right"),
            Column("native_over_browser", "LiteRT over browser", align="right"),
        ),
        rows=tuple(
            (
                *labels.of(pair.browser),
                _count(pair.browser),
                time(pair.browser),
                f"{pair.native.cell.target} {pair.native.cell.variant}",
                _count(pair.native),
                time(pair.native),
                gain(pair.ratio),
            )
            for pair in pairs
        ),
        notes=(
            *_meaning(pairs),
            *family_rule(pair.ratio for pair in pairs),
            *ran_as_notes(browsers),
            *marked_among([pair.ratio for pair in pairs]),
            *notes.provenance([*browsers, *natives]),
        ),
        section=section_of(natives),
    )


def _meaning(pairs: Sequence[_Pair]) -> Iterator[str]:
    yield (
        "LiteRT over browser: the browser's time divided by LiteRT's, block by block; above 1 is "
        "faster natively. Times are medians over runs of each run's mean, the only figure that "
        "crosses lanes; what stands inside the clock differs (see there)."
    )
    yield (
        "Beside each Wasm variant stands LiteRT with as many threads as were observed, where the "
        "suite has it, else the baseline of its target."
    )
    if any(pair.native.virtual for pair in pairs):
        yield (
            "LiteRT ran on this host's processor, behind a virtual device, as the browser did: "
            "these ratios say nothing of a phone."
        )
    reasons = dict.fromkeys(pair.ratio.reason for pair in pairs if pair.ratio.reason)
    yield from (f"No ratio: {reason}." for reason in reasons)


def _mean(cell: CellSummary) -> MetricSummary | None:
    found = summary_of(METRIC, cell.latency.measured)
    return found if found.n else None


def _count(cell: CellSummary) -> Figure | None:
    threads = _fact(cell, "threads")
    return Figure(threads, str(threads)) if isinstance(threads, int) else None


def _fact(cell: CellSummary, name: str) -> Scalar:
    """Return a setting of the timed runs, None where it is not known or not one."""
    known = distinct(run.setting.get(name) for run in cell.latency.measured)
    return known[0] if len(known) == 1 else None
