"""Why a run of the tool has no numbers, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.model import Failure

_SIGNALS = {
    130: "SIGINT",
    132: "SIGILL",
    134: "SIGABRT",
    135: "SIGBUS",
    136: "SIGFPE",
    137: "SIGKILL",
    139: "SIGSEGV",
    141: "SIGPIPE",
    143: "SIGTERM",
}
_CRASHES = frozenset({132, 134, 135, 136, 139})
_RAW_HINT = "read stderr.txt of this run in the raw folder"

# (what stderr says, the class, the next step); the first match counts.
_MESSAGES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), kind, hint)
    for pattern, kind, hint in (
        (r"Could not open '", "model-missing", "check that the model is there and readable"),
        (
            r"Encountered unresolved custom op|Didn't find op for builtin opcode",
            "unsupported-op",
            "this build lacks an operator of the model; name another build under `tools:`",
        ),
        (
            r"not a valid Flatbuffer|model allocation is null|[Mm]map of |Failed to load model",
            "model-unreadable",
            "the file is damaged or no .tflite; fetch or build it again",
        ),
        (
            r"Failed to parse flag|Output mode.* is not supported",
            "bad-flag",
            "correct the value under `flags:` of the variant",
        ),
        (
            r"invalid perf options in|Cannot parse --perf_options_list|'none' option can not be",
            "bad-flag",
            "name performance options that this build has: --perf_options_list=cpu,gpu",
        ),
        (
            r"Please specify the name of your TF Lite input file",
            "bad-flag",
            "flags are written --name=value",
        ),
        (
            r"Signature not specified or incorrect",
            "bad-signature",
            "name one of its signatures: flags: {signature_to_run_for: …}",
        ),
        (
            r"Input tensor #\d+ should have|number of items in --input_layer_shape",
            "bad-input",
            "give the shapes that the model's signature has under `inputs:`",
        ),
        (
            r"Disallowed CPU fallback|Failed to apply \S+ delegate",
            "delegate-refused",
            "the delegate does not take this model on this device; remove its flag",
        ),
        (r"failed to invoke", "invoke-failed", "the model cannot run on these inputs"),
        (r"usage: ", "usage-shown", "the tool printed its usage; check the variant's flags"),
    )
)


# system/core/debuggerd/handler/debuggerd_handler.cpp
_FATAL_SIGNAL = re.compile(r"(?:FATAL: )?Fatal signal (\d{1,2}) \(SIG[A-Z0-9+]+\).*")

# (a whole line, the exit code that it stands for), where nobody noted the exit code.
_ENDINGS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"(?:.*: )?Segmentation fault.*", 139),
        (r"(?:.*: )?Aborted.*|FATAL: .*|terminate called .*", 134),
        (r"(?:.*: )?Killed\b.*", 137),
        (r"(?:.*: )?Terminated\b.*", 143),
        (
            r".*: not executable: .*|.*: (?:can't execute: )?Permission denied|.*Exec format err.*",
            126,
        ),
        (r".*: (?:inaccessible or )?not found|.*: No such file or directory", 127),
        (r"ERROR: Benchmarking failed\.|Benchmarking failed\.", 1),
    )
)


def for_exit_code(code: int | None, lines: Sequence[str], unconsumed: str) -> Failure | None:
    """Return the failure that an exit code tells; None for 0.

    `lines` are those of stderr, then stdout; `unconsumed` are flags that the tool ignored.
    """
    if code == 0:
        return None
    if code is None:
        return Failure(
            "no-end-marker",
            "the run never said that it ended",
            "the connection or the device went away; check the cable, then run again",
        )
    if code in (124, 126, 127):
        return _of_launcher(code, lines)
    if code > 128:
        return _of_signal(code, lines)
    if unconsumed:
        return unconsumed_flags(unconsumed)
    for pattern, kind, hint in _MESSAGES:
        for line in lines:
            if pattern.search(line):
                return Failure(kind, _shown(line), hint)
    return Failure("tool-failed", f"exit code {code}: {_last_words(lines)}", _RAW_HINT)


def for_fatal_signal(lines: Sequence[str]) -> Failure | None:
    """Return the crash that Android reports in its log, if there is one."""
    for line in lines:
        if match := _FATAL_SIGNAL.fullmatch(line):
            return _of_signal(128 + int(match[1]), [line])
    return None


def for_lines(lines: Sequence[str], unconsumed: str) -> Failure | None:
    """Return the failure that the lines themselves tell, where the exit code is not known."""
    if (crash := for_fatal_signal(lines)) is not None:
        return crash
    for pattern, code in _ENDINGS:
        if any(pattern.fullmatch(line) for line in lines):
            return for_exit_code(code, lines, unconsumed)
    for line in lines:
        for pattern, kind, hint in _MESSAGES:
            if line.startswith("ERROR: ") and pattern.search(line):
                return Failure(kind, _shown(line), hint)
    return None


def exit_code_unknown() -> Failure:
    """Return what a complete output lacks when nobody noted how the run ended."""
    return Failure(
        "exit-code-unknown",
        "the figures are complete, and nothing says how the run ended: "
        "a run that fails at its end prints them too",
        "give the exit code with --exit-code if you know it (in a shell: echo $? after the run)",
    )


def option_failed() -> Failure:
    """Return the failure of an option that the multi-option tool itself calls failed."""
    return Failure(
        "option-failed",
        "the tool's summary says that this option failed",
        "run benchmark_model with this option alone, and read its stderr",
    )


def not_in_summary() -> Failure:
    """Return what a complete block lacks when the multi-option tool never summed up."""
    return Failure(
        "no-summary",
        "the figures are complete, and the tool's summary of all options does not have them",
        "the tool stopped at a later option; run without that option, or each one alone",
    )


def unconsumed_flags(flags: str) -> Failure:
    """Return the failure of a run that ignored flags: it measured something else."""
    return Failure(
        "unconsumed-flags",
        f"the tool ignored {_shown(flags)}",
        "this build does not have that flag, or it stood there twice or without =value; "
        "remove it, or name a build that has it under `tools:`",
    )


def duplicate_flags(flags: str) -> Failure:
    """Return the failure of a run that was given a flag twice."""
    return Failure(
        "duplicate-flags", f"given twice: {_shown(flags)}", "give each flag once; the first counts"
    )


def several_runs() -> Failure:
    """Return the failure of an output that holds more than one run."""
    return Failure(
        "several-runs",
        "this output holds several runs, so no figure in it belongs to one configuration",
        "give the output of one run, made by benchmark_model itself; "
        "`edgebench parse` reads that of benchmark_model_performance_options",
    )


def no_timing_line() -> Failure:
    """Return the failure of an output that ends before its results."""
    return Failure(
        "no-timing-line",
        "exit code 0, but the line with the timings is missing",
        "its output was cut or lost (a full disk?); free space on the device, then run again",
    )


def no_results() -> Failure:
    """Return the same failure, where nobody noted how the run ended."""
    return Failure(
        "no-timing-line",
        "the line with the timings is not in this output",
        "the run was ended early, or this is only a part of its output; give the whole of it",
    )


def no_inference() -> Failure:
    """Return the failure of a dry run."""
    return Failure(
        "no-inference", "the tool ran no inference", "ask for at least one iteration, no dry run"
    )


def unreadable(kind: str, message: str) -> Failure:
    """Return the failure of an output that is damaged."""
    return Failure(kind, message, "compare stdout.txt and stderr.txt in the raw folder")


def _of_launcher(code: int, lines: Sequence[str]) -> Failure:
    words = _last_words(lines)
    if code == 124:
        return Failure("timed-out", f"`timeout` ended it: {words}", "raise `timeout_s`")
    if code == 127:
        return Failure(
            "tool-missing", f"the tool is not on the device: {words}", "check `tools:` in the suite"
        )
    if any("ermission denied" in line for line in lines):
        return Failure(
            "not-executable", words, "the folder on the device forbids execution; use another"
        )
    return Failure(
        "wrong-abi",
        f"the device cannot execute this build: {words}",
        "name a build for the device's ABI under `tools:`",
    )


def _of_signal(code: int, lines: Sequence[str]) -> Failure:
    name = _SIGNALS.get(code, f"signal {code - 128}")
    if code in _CRASHES:
        return Failure("crashed", f"ended by {name}: {_last_words(lines)}", _RAW_HINT)
    return Failure(
        "killed",
        f"ended by {name}",
        "something on the device ended it; with SIGKILL often the lack of memory",
    )


def _last_words(lines: Sequence[str]) -> str:
    spoken = [line for line in lines if re.match(r"(ERROR|FATAL): ", line)] or [
        line for line in lines if line.strip()
    ]
    # The last line of all is only "Benchmarking failed."
    telling = [line for line in spoken if "Benchmarking failed" not in line] or spoken
    return _shown(telling[-1]) if telling else "it said nothing"


def _shown(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 200 else text[:199] + "…"
