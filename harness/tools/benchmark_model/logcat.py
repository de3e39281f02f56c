"""What the benchmark app says through Android's log, as the lines that the tool prints in a shell.

Formats of `logcat -v brief|time|threadtime`: system/logging/liblog/logprint.cpp. The app writes
each line of the tool under the tag `tflite` (tensorflow/lite/tools/logging.h), without the empty
line that ends the statistics in a shell. Log lines arrive whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import OutputUnreadable
from harness.tools.benchmark_model.grammar import RESULT_STARTS

_ACTIVITY = frozenset({"tflite_BenchmarkModelActivity"})
TAGS = _ACTIVITY | {"tflite", "litert"}
_WORDS = ("STARTING!", "Log parameter values verbosely", "Min num runs:", *RESULT_STARTS)
_CRASH_TAG = "libc"

_DATE = r"(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,9}(?: [+-]\d{4})?"
_THREADTIME = re.compile(
    rf"{_DATE} +(?:\w+ +)?(?P<pid>\d+) +\d+ (?P<level>[VDIWEFA]) (?P<tag>.*?) *: ?(?P<text>.*)"
)
_BRIEF = re.compile(
    rf"(?:{_DATE} +)?(?P<level>[VDIWEFA])/(?P<tag>.*?) *\( *(?P<pid>\d+)\): ?(?P<text>.*)"
)
_LOST = re.compile(r"uid=.* (?:expire|dropped|identical) (?P<lines>\d+) lines?")
_SEVERITIES = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL", "A": "FATAL"}


@dataclass(frozen=True, slots=True)
class _Line:
    pid: int
    level: str
    tag: str
    text: str


def is_logcat(text: str) -> bool:
    """Tell whether a text is a log of Android: its lines carry a level, a tag and a process."""
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 0 and 2 * sum(1 for _ in _lines(text)) > len(lines)


def pids_of_logcat(text: str) -> tuple[int, ...]:
    """Return the processes that ran the tool, in the order of their first word.

    Every app that uses TFLite writes under its tag; only the tool prints parameters and results.
    """
    lines = [line for line in _lines(text) if line.tag in TAGS]
    tools = [line.pid for line in lines if line.tag in _ACTIVITY or line.text.startswith(_WORDS)]
    return tuple(dict.fromkeys(tools))


def streams_of_logcat(text: str, pid: int) -> str:
    """Return what one process said as the tool's plain lines, stdout and stderr in one.

    A crash that the system reports for that process becomes a line `FATAL: Fatal signal …`.

    Raises:
        OutputUnreadable: that process said nothing as the tool (kind `not-in-the-log`), or the
            log says that lines of it were dropped (kind `log-lines-lost`).
    """
    said: list[str] = []
    for line in _lines(text):
        if line.pid != pid:
            continue
        if line.tag == "chatty" and (lost := _LOST.search(line.text)):
            raise OutputUnreadable(
                f"the system's log dropped {lost['lines']} lines of process {pid}",
                hint="enlarge the log's buffer (logcat -G 16M), then run it again",
                kind="log-lines-lost",
            )
        if line.tag in TAGS or (line.tag == _CRASH_TAG and "Fatal signal" in line.text):
            said += _plain(line)
    if not said:
        raise OutputUnreadable(
            f"process {pid} said nothing under the tag tflite",
            hint="check the process number, and that the log was taken before it ran out of room",
            kind="not-in-the-log",
        )
    return "\n".join(said) + "\n"


def _plain(line: _Line) -> Iterator[str]:
    severity = _SEVERITIES.get(line.level)
    yield f"{severity}: {line.text}" if severity else line.text
    if line.text.startswith("count="):
        # In a shell the tool ends its statistics with an empty line, which a log does not keep.
        yield ""


def _lines(text: str) -> Iterator[_Line]:
    for raw in text.replace("\r\n", "\n").split("\n"):
        match = _THREADTIME.fullmatch(raw) or _BRIEF.fullmatch(raw)
        if match:
            yield _Line(int(match["pid"]), match["level"], match["tag"].strip(), match["text"])
