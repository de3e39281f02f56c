"""A module of ours as a program that uses LiteRT: asked in JSON, answering in a file.

So neither LiteRT's memory nor its threads nor a crash of it are the harness's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import RunFailed, RunTimedOut

_HOME = Path(__file__).parents[2]


def answer_of(
    module: str, request: dict[str, Any], *, model: Path, timeout_s: float, hint: str
) -> bytes:
    """Run a module with a request on its stdin, and return what it wrote.

    Raises:
        RunFailed: it ended without an answer.
        RunTimedOut: it took longer than `timeout_s`.
    """
    with tempfile.TemporaryDirectory(prefix="edgebench-litert-") as folder:
        # A file, for what libraries print would stand in the middle of an answer on stdout.
        answer = Path(folder) / "answer.json"
        try:
            ended = subprocess.run(
                [sys.executable, "-B", "-m", module, str(answer)],
                input=json.dumps(request).encode(),
                capture_output=True,
                cwd=_HOME,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunTimedOut(
                f"LiteRT did not end within {timeout_s:g} s", where=model.name, hint=hint
            ) from error
        if not answer.is_file():
            words = ended.stderr.decode(errors="replace").strip().splitlines()
            raise RunFailed(
                f"LiteRT ended with {ended.returncode} on this model: "
                f"{words[-1] if words else 'it said nothing'}",
                where=model.name,
                hint=hint,
                kind="crashed",
            )
        return answer.read_bytes()


def write_answer(answer: Path, content: dict[str, Any]) -> None:
    """Write an answer that is whole as soon as it is there."""
    partial = answer.with_suffix(".part")
    partial.write_text(json.dumps(content))
    partial.rename(answer)
