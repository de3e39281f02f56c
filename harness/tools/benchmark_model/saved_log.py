"""A run's output as somebody saved it, taken apart into the two streams and the exit code; pure.

Three kinds are told apart by their content: a JSON capture (`{"argv", "exit_code" or "signal",
"stdout", "stderr", "files"}`), Android's log, and plain text, which is what a terminal showed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import signal as signals
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from harness.errors import SuiteError
from harness.tools.benchmark_model.logcat import is_logcat, pids_of_logcat, streams_of_logcat

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_RESULT_FILE = re.compile(
    r"^(?:INFO: )?File path to save the benchmark result in binary proto format: \[(.+)\]\r?$",
    re.MULTILINE,
)
# How the tool echoes the sampling that was set; what was not set is not echoed.
_SAMPLING = {
    "warmup_iterations": re.compile(r"^(?:INFO: )?Min warmup runs: \[(\d+)\]", re.MULTILINE),
    "warmup_seconds": re.compile(
        r"^(?:INFO: )?Min warmup runs duration \(seconds\): \[([\d.]+)\]", re.MULTILINE
    ),
    "timed_iterations": re.compile(r"^(?:INFO: )?(?:Min n|N)um runs: \[(\d+)\]", re.MULTILINE),
    "timed_max_seconds": re.compile(
        r"^(?:INFO: )?Max runs duration \(seconds\): \[([\d.]+)\]", re.MULTILINE
    ),
}
_GRAPH = re.compile(r"^(?:INFO: )?Graph ?: \[(.+)\]\r?$", re.MULTILINE)

_MODEL = re.compile(r"^.* benchmark_litert_model: Model: +(\S.*?)\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SavedLog:
    """What one run left; `exit_code` is None where nobody noted it, 128 + its number a signal."""

    kind: Literal["text", "capture", "logcat"]
    stdout: str
    stderr: str = ""
    exit_code: int | None = None
    result_proto: bytes | None = None

    @property
    def model(self) -> str:
        """The model's file name without its ending, as the tool echoes it; '' if it does not."""
        match = _GRAPH.search(self.stdout) or _MODEL.search(self.stderr or self.stdout)
        return PurePosixPath(match[1].replace("\\", "/")).stem if match else ""

    @property
    def sampling(self) -> Mapping[str, float | None]:
        """The sampling that the tool echoes, by the names of settings; None where it does not."""
        values = {name: set(echo.findall(self.stdout)) for name, echo in _SAMPLING.items()}
        return {
            name: float(found.pop()) if len(found) == 1 else None for name, found in values.items()
        }


def read_log(data: bytes, *, name: str, pid: int | None = None) -> SavedLog:
    """Take a saved output apart; `pid` chooses the process of an Android log.

    Raises:
        SuiteError: it is a JSON file of something else, or an Android log of no or of several
            processes and none is chosen.
        OutputUnreadable: that process is not in the log, or lines of it were dropped.
    """
    text = text_of(data)
    if text.lstrip().startswith("{") and (record := _json(text)) is not None:
        return _capture(record, name)
    if pid is None and not is_logcat(text):
        return SavedLog("text", text)
    return SavedLog("logcat", streams_of_logcat(text, _chosen(text, name) if pid is None else pid))


def text_of(data: bytes) -> str:
    """Return bytes as text: UTF-16 as PowerShell writes it, else UTF-8 with damage replaced."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    return data.decode("utf-8", errors="replace")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _capture(record: Any, name: str) -> SavedLog:
    try:
        code = record["exit_code"]
        if record.get("signal"):
            code = 128 + signals.Signals[record["signal"]].value
        stdout, stderr = record["stdout"], record["stderr"]
        sound = isinstance(stdout, str) and isinstance(stderr, str)
        sound = sound and (code is None or (isinstance(code, int) and not isinstance(code, bool)))
        files = record.get("files") or {}
        proto = _result_file(stdout, files) if sound else None
    except (AttributeError, KeyError, TypeError, binascii.Error):
        sound = False
    if not sound:
        raise SuiteError(
            "this JSON file is no capture of a run",
            where=name,
            hint="a capture has stdout, stderr and exit_code (see docs/reading-logs.md)",
        )
    return SavedLog("capture", stdout, stderr, code, proto)


def _result_file(stdout: str, files: Mapping[str, Any]) -> bytes | None:
    match = _RESULT_FILE.search(stdout)
    entry = files.get(PurePosixPath(match[1]).name) if match else None
    return None if entry is None else base64.b64decode(entry["base64"], validate=True)


def _chosen(text: str, name: str) -> int:
    pids = pids_of_logcat(text)
    if len(pids) == 1:
        return pids[0]
    raise SuiteError(
        "this Android log has lines of no process of the tool"
        if not pids
        else f"this Android log has several processes of the tool: {', '.join(map(str, pids))}",
        where=name,
        hint="choose one with --pid N",
    )
