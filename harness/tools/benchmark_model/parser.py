"""From what a run wrote to numbers or a named failure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.model import Failure
from harness.tools.benchmark_model import (
    delegates,
    failures,
    grammar,
    litert_results,
    result_file,
)
from harness.tools.benchmark_model.facts import read_facts
from harness.tools.benchmark_model.grammar import Timing, Unreadable
from harness.tools.benchmark_model.litert_results import ResultsBlock
from harness.tools.benchmark_model.reading import Numbers, Stats, ToolFacts, ToolReading

TICK_S = 1e-6

_SEVERAL = re.compile(
    r"The list of TFLite runtime options to be benchmarked|Summary of All Runs w/ Different"
    r"|Error while parsing the flags for multi-option runs"
)


@dataclass(slots=True)
class _Found:
    """The result lines of the classic tool, in their order."""

    order: list[str] = field(default_factory=list)
    stats: list[Stats] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    inits_s: list[float] = field(default_factory=list)
    footprints: list[tuple[float | None, float | None]] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)


def parse(
    stdout: str, stderr: str, exit_code: int | None, result_proto: bytes | None = None
) -> ToolReading:
    """Read a run; `exit_code` is None when nobody saw it end. Never raises.

    A signal is an exit code of 128 + its number, as shells report it. `result_proto` is the
    file of `--result_file_path`: its finer figures are preferred, once the text agrees with it.
    Without the text it proves nothing, since only the text says which flags were ignored.
    """
    lines = [*lines_of(stdout), *lines_of(stderr)]
    texts = [grammar.PREFIX.sub("", line, count=1) for line in lines]
    facts = read_facts(texts)
    failure = _refusal(exit_code, lines, texts, facts)
    if failure is not None:
        return ToolReading(None, failure, facts)
    try:
        numbers = _numbers(stdout, stderr, texts)
        if result_proto is not None:
            numbers = result_file.preferred(
                numbers, result_file.read_result_file(result_proto, numbers.tick_s)
            )
    except Unreadable as damage:
        return ToolReading(None, _failure_of(damage), facts)
    failure = delegates.refusal(facts)
    return ToolReading(None if failure else numbers, failure, facts)


def lines_of(text: str) -> list[str]:
    """Split an output into lines, those of a terminal too."""
    # A terminal ends every line with CR LF; a CR in only some of them is damage, and stays.
    if "\r" in text and text.count("\r\n") == text.count("\n"):
        text = text.replace("\r\n", "\n")
    return text.split("\n")


def _refusal(
    exit_code: int | None, lines: Sequence[str], texts: Sequence[str], facts: ToolFacts
) -> Failure | None:
    if any(_SEVERAL.search(text) for text in texts):
        return failures.several_runs()
    unconsumed = " ".join(facts.unconsumed_flags)
    failure = failures.for_exit_code(exit_code, lines, unconsumed)
    if failure is not None:
        return failure
    if unconsumed:
        return failures.unconsumed_flags(unconsumed)
    if facts.duplicate_flags:
        return failures.duplicate_flags(" ".join(facts.duplicate_flags))
    if "Benchmarking failed." in texts:
        return failures.for_exit_code(1, lines, "")
    return failures.for_fatal_signal(lines)


def _failure_of(damage: Unreadable) -> Failure:
    known = {
        "several-runs": failures.several_runs,
        "no-timing-line": failures.no_timing_line,
        "no-inference": failures.no_inference,
    }
    if damage.kind in known:
        return known[damage.kind]()
    return failures.unreadable(damage.kind, str(damage))


def _numbers(stdout: str, stderr: str, texts: Sequence[str]) -> Numbers:
    if litert_results.NO_RUNS in texts:
        raise Unreadable("", kind="no-inference")
    found = _find(texts)
    blocks = litert_results.find_blocks(texts)
    if len(blocks) + len(found.timings) > 1:
        raise Unreadable("", kind="several-runs")
    results = stderr if blocks and lines_of(stdout) == [""] else stdout
    if not blocks and not found.timings:
        raise Unreadable("", kind="no-timing-line")
    if any(text and not text.endswith("\n") for text in (results, stderr if blocks else "")):
        raise Unreadable("the output was cut in the middle of a line")
    if any(grammar.FRAGMENT.fullmatch(text) for text in texts):
        raise Unreadable("a figure stands alone on its line: the line above is torn")
    return _of_block(blocks[0], found) if blocks else _of_classic(found)


def _find(texts: Sequence[str]) -> _Found:
    found = _Found()
    # Every build ends its statistics with an empty line; without it the line above is torn.
    owed_an_empty_line = False
    for text in texts:
        owed_an_empty_line = owed_an_empty_line and bool(text)
        if not text.startswith(grammar.RESULT_STARTS):
            continue
        if owed_an_empty_line or not _take(found, text):
            raise Unreadable(f"a result line is damaged: {text[:120]!r}")
        owed_an_empty_line = text.startswith("count=")
    return found


def _take(found: _Found, text: str) -> bool:
    if grammar.ANNOUNCEMENT.fullmatch(text):
        found.order.append("announcement")
    elif (stats := grammar.stats_line(text)) is not None:
        found.order.append("stats")
        found.stats.append(stats)
    elif (timing := grammar.timing_line(text)) is not None:
        found.order.append("timing")
        found.timings.append(timing)
    elif (init_s := grammar.initialized_line(text)) is not None:
        found.inits_s.append(init_s)
    elif (footprint := grammar.footprint_line(text)) is not None:
        found.footprints.append(footprint)
    elif (peak := grammar.peak_line(text)) is not None:
        found.peaks.append(peak)
    else:
        return False
    return True


def _of_classic(found: _Found) -> Numbers:
    if found.order != ["announcement", "stats", "announcement", "stats", "timing"]:
        several = found.order.count("announcement") > 2 and found.order.count("stats") > 2
        raise Unreadable(
            "a line of the warm-up or of the timed runs is missing or there twice",
            kind="several-runs" if several else "inconsistent-output",
        )
    timing = found.timings[0]
    warmup, timed = found.stats
    _check_agreement(timing, warmup, timed, found.inits_s)
    if timed.count == 0:
        raise Unreadable("", kind="no-inference")
    footprint_init, footprint = _footprints(found)
    return Numbers(
        init_s=timing.init_s,
        first_inference_s=warmup.first_s,
        warmup=warmup if warmup.count else None,
        timed=timed,
        tick_s=TICK_S,
        footprint_init_bytes=footprint_init,
        footprint_bytes=footprint,
        peak_rss_bytes=_peak(found),
    )


def _check_agreement(timing: Timing, warmup: Stats, timed: Stats, inits_s: list[float]) -> None:
    """The tool prints most figures twice; a damaged one betrays itself."""
    if len(inits_s) != 1:
        raise Unreadable("the session is not initialised once", kind="inconsistent-output")
    pairs = [
        ("init", inits_s[0], timing.init_s),
        ("warm-up average", timing.warmup_s, warmup.mean_s or 0.0),
        ("average", timing.mean_s, timed.mean_s or 0.0),
    ]
    if timing.first_s is not None:
        pairs.append(("first inference", warmup.first_s or 0.0, timing.first_s))
    for name, printed_s, exact_s in pairs:
        if not grammar.same_as_printed(printed_s, exact_s):
            raise Unreadable(
                f"the {name} is printed as {printed_s} s and as {exact_s} s",
                kind="inconsistent-output",
            )


def _footprints(found: _Found) -> tuple[float | None, float | None]:
    inits = [init for init, _ in found.footprints if init is not None]
    overalls = [overall for _, overall in found.footprints if overall is not None]
    if len(inits) > 1 or len(overalls) > 1 or (inits and overalls and 0 < overalls[0] < inits[0]):
        raise Unreadable("the memory footprint contradicts itself", kind="inconsistent-output")
    return (
        _grown(inits[0]) if inits else None,
        _grown(overalls[0]) if overalls else None,
    )


def _peak(found: _Found) -> float | None:
    if len(found.peaks) > 1:
        raise Unreadable("the memory peak is there twice", kind="inconsistent-output")
    return _grown(found.peaks[0]) if found.peaks else None


def _grown(value: float | None) -> float | None:
    # Zero growth means that the launcher's own peak hid it (ru_maxrss survives exec).
    return value or None


def _of_block(block: ResultsBlock, found: _Found) -> Numbers:
    warmup, timed = litert_results.block_stats(block)
    init_s = block.seconds("Model initialization")
    assert init_s is not None  # block_stats refuses a block without it
    tick_s = litert_results.TICK_S
    first_s = warmup.first_s if warmup else None
    if found.order:
        # The C++ tool prints the classic lines too, with finer figures.
        if found.order != ["announcement", "stats", "announcement", "stats"]:
            raise Unreadable("a line of the runs is missing", kind="inconsistent-output")
        fine_warmup, fine_timed = found.stats
        _check_close(warmup or Stats(0), fine_warmup)
        _check_close(timed, fine_timed)
        warmup, timed = (fine_warmup if fine_warmup.count else None), fine_timed
        first_s, tick_s = fine_warmup.first_s, TICK_S
    return Numbers(
        init_s=init_s,
        first_inference_s=first_s,
        warmup=warmup,
        timed=timed,
        tick_s=tick_s,
        footprint_init_bytes=_grown(block.bytes("Init footprint")),
        footprint_bytes=_grown(block.bytes("Overall footprint")),
        peak_rss_bytes=_grown(block.bytes("Peak memory")),
    )


def _check_close(coarse: Stats, fine: Stats) -> None:
    """The block keeps two decimals of a millisecond, and `count=` six digits of a mean."""
    pairs = (
        (coarse.first_s, fine.first_s, 0.0),
        (coarse.min_s, fine.min_s, 0.0),
        (coarse.max_s, fine.max_s, 0.0),
        (coarse.mean_s, fine.mean_s, 5.1e-6),
    )
    close = all(
        one is None or other is None or abs(one - other) <= 5.1e-6 + digits * other
        for one, other, digits in pairs
    )
    if coarse.count != fine.count or not close:
        raise Unreadable(
            "the results block and the count= lines disagree", kind="inconsistent-output"
        )
