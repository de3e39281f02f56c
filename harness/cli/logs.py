"""Saved logs as the command line names them: read, and taken apart into benchmarked options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.drivers.android_tflite.measurements import latency_measurements, memory_measurements
from harness.errors import OutputUnreadable, SuiteError
from harness.model import Failure, Measurement
from harness.tools.benchmark_model import OptionReading, ToolFacts, parse_options
from harness.tools.benchmark_model.saved_log import SavedLog, read_log, text_of

_SHARED = "several options ran in one process, whose memory belongs to none of them"


@dataclass(frozen=True, slots=True)
class ReadLog:
    """One log: its name without folders, what it is, its options, and all files as given."""

    name: str
    log: SavedLog
    options: tuple[OptionReading, ...]
    files: Mapping[str, bytes]


def read_logs(arguments: argparse.Namespace) -> tuple[ReadLog, ...]:
    """Read every log that the command line names.

    Raises:
        SuiteError: a file cannot be read, is something else, or a flag belongs to one log only.
    """
    if len(arguments.logs) > 1 and (arguments.stderr or arguments.result_file):
        raise SuiteError(
            "--stderr and --result-file belong to one log", hint="give one log per command"
        )
    return tuple(_read(path, arguments) for path in arguments.logs)


def measurements_of(option: OptionReading) -> tuple[Measurement, ...]:
    """Return all metrics of an option, unproved ones too, as the Android lane defines them."""
    numbers = option.numbers or option.unproved
    if numbers is None:
        return ()
    memory = memory_measurements(numbers, option.facts)
    if option.one_of_several:
        memory = tuple(replace(one, absent=_SHARED) for one in memory)
    return (*latency_measurements(numbers), *memory)


def _read(path: str, arguments: argparse.Namespace) -> ReadLog:
    name = "stdin" if path == "-" else Path(path).name
    files = {"log": sys.stdin.buffer.read() if path == "-" else _bytes(Path(path))}
    if arguments.stderr:
        files["stderr.txt"] = _bytes(arguments.stderr)
    if arguments.result_file:
        files["result.pb"] = _bytes(arguments.result_file)
    try:
        log = read_log(files["log"], name=name, pid=arguments.pid)
    except OutputUnreadable as lost:
        failure = Failure(lost.kind, lost.message, lost.hint)
        option = OptionReading("logcat", ToolFacts(), failure=failure)
        return ReadLog(name, SavedLog("logcat", ""), (option,), files)
    log = _with_what_was_told(log, arguments.exit_code, files)
    options = parse_options(log.stdout, log.stderr, log.exit_code, log.result_proto)
    return ReadLog(name, log, options, files)


def _with_what_was_told(log: SavedLog, told: int | None, files: Mapping[str, bytes]) -> SavedLog:
    if told is not None and log.exit_code not in (None, told):
        raise SuiteError(
            f"the capture itself has exit code {log.exit_code}",
            hint="leave --exit-code out: a capture knows how its run ended",
        )
    return replace(
        log,
        exit_code=log.exit_code if told is None else told,
        stderr=log.stderr + text_of(files.get("stderr.txt", b"")),
        result_proto=files.get("result.pb", log.result_proto),
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SuiteError(
            error.strerror or str(error), where=str(path), hint="name a file that can be read"
        ) from error
