"""The table of a self-test: false alarms of this machine, and what it can tell apart."""

from __future__ import annotations

from harness.model import Column, Figure, ResultFolder, Table, TableValue
from harness.report.false_alarms import EFFECTS, EXPECTED, SEEN_OFTEN, FalseAlarms
from harness.report.notes import provenance
from harness.report.numbers import percent
from harness.report.summary import summarise


def selftest_table(folder: ResultFolder, found: FalseAlarms) -> Table:
    """Return what a self-test found, in plain words."""
    return Table(
        name="selftest",
        title="Self-test: identical variants against each other",
        columns=(
            Column("question", "question"),
            Column("answer", "answer", "%", "right"),
            Column("interval", "95 % interval", "%", "right"),
            Column("verdict", "verdict"),
        ),
        rows=(
            _rate(
                "pairs called faster or slower",
                found.alarms,
                found,
                "as it should be" if found.trusted else "too many: believe no verdict here",
            ),
            _rate("pairs whose interval excludes 1", found.excluding, found, None),
            *(_seen(effect, found) for effect in EFFECTS),
        ),
        notes=(_in_words(found), *_how(found), *provenance(summarise([folder]))),
    )


def _rate(
    question: str, count: int, found: FalseAlarms, verdict: str | None
) -> tuple[TableValue, ...]:
    low, high = found.interval(count)
    share = 100 * count / len(found.pairs)
    text = f"{share:.0f} ({count} of {len(found.pairs)})"
    figure = Figure(share, text, low=100 * low, high=100 * high)
    return (question, figure, f"{100 * low:.0f}–{100 * high:.0f}", verdict)


def _seen(effect: float, found: FalseAlarms) -> tuple[TableValue, ...]:
    share = 100 * found.seen(effect)
    question = f"would have seen a difference of {percent(effect)}"
    verdict = "fit" if found.fit(effect) else "not fit"
    return (question, Figure(share, f"{share:.0f}"), None, verdict)


def _in_words(found: FalseAlarms) -> str:
    fit = [percent(effect) for effect in EFFECTS if found.fit(effect)]
    unfit = [percent(effect) for effect in EFFECTS if not found.fit(effect)]
    over = f"over {found.blocks} blocks"
    if not found.trusted:
        return (
            "This machine tells identical things apart too often: something disturbs one side of "
            "a block more than the other. Find it before you believe any verdict."
        )
    words = f"This machine is fit to tell {fit[0]} apart {over}. " if fit else ""
    if unfit:
        words += (
            f"It is not fit to tell {unfit[-1]} apart {over}: intervals are ± "
            f"{100 * found.half_width:.1f} % here; make the machine quieter, or measure more "
            "blocks."
        )
    return words.strip()


def _how(found: FalseAlarms) -> tuple[str, ...]:
    return (
        (
            f"{len(found.pairs)} pairs, {found.blocks} blocks each; pairs of one round share runs, "
            f"so intervals (Clopper-Pearson) count the {found.independent} independent ones. "
            f"Called faster or slower: as in every table, by an interval that excludes 1 and an "
            f"effect of at least {percent(found.min_effect)}. Of intervals alone "
            f"{percent(EXPECTED)} are expected to exclude 1."
        ),
        (
            "Would have seen: share of these comparisons, in both directions, whose interval would "
            "exclude 1 if one side were truly that much slower; fit from "
            f"{percent(SEEN_OFTEN)} on, where false alarms are as they should be."
        ),
    )
