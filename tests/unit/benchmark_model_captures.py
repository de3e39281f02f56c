"""Every output of the tools that lies in the fixtures, in one shape."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures" / "benchmark_model"


@dataclass(frozen=True, slots=True)
class Captured:
    """One output; a signal is 128 + its number in `exit_code`, as a shell reports it."""

    name: str
    stdout: str
    stderr: str
    exit_code: int


def all_captures() -> list[Captured]:
    """Return all of them, in the order of the folders."""
    return [*_split(), *_json("benchmark_model-litert-f674577"), *_json("made_up"), *_python()]


def _split() -> list[Captured]:
    folder = FIXTURES / "benchmark_model-2.14.1-debian"
    index = json.loads((folder / "index.json").read_text())
    return [
        Captured(f"{folder.name}/{name}", *_streams(folder / name), entry["rc"])
        for name, entry in sorted(index.items())
        if not name.startswith("_")
    ]


def _json(folder: str) -> list[Captured]:
    captures = []
    for path in sorted((FIXTURES / folder).glob("*.json")):
        record = json.loads(path.read_text())
        code = record["exit_code"]
        if record["signal"]:
            code = 128 + signal.Signals[record["signal"]]
        captures.append(Captured(f"{folder}/{path.stem}", record["stdout"], record["stderr"], code))
    return captures


def _python() -> list[Captured]:
    folder = FIXTURES / "litert-python-2.3.0"
    return [
        Captured(f"{folder.name}/{path.stem}", *_streams(folder / path.stem), 0)
        for path in sorted(folder.glob("*.stdout"))
    ]


def _streams(stem: Path) -> tuple[str, str]:
    return (
        stem.with_name(stem.name + ".stdout").read_text(),
        stem.with_name(stem.name + ".stderr").read_text(),
    )
