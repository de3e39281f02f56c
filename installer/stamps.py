"""Notes in a folder that say what it was made from, so that it is made once.

A folder without a note was not made by us; one whose note says unfinished was left half-made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

_UNFINISHED: Mapping[str, Any] = {"unfinished": True}


@dataclass(frozen=True, slots=True)
class Stamp:
    """The note in one folder."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "edgebench-setup.json"

    def read(self) -> Mapping[str, Any] | None:
        """Return what the folder was made from; None without a note; {} if it is unfinished."""
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return {} if noted == _UNFINISHED or not isinstance(noted, dict) else noted

    def begin(self) -> None:
        """Note, making the folder if need be, that work on it has begun."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(_UNFINISHED)

    def finish(self, made_from: Mapping[str, Any]) -> None:
        """Note that the folder is whole."""
        self._write(made_from)

    def remove(self) -> None:
        """Take the note away, so that the folder counts as made by somebody else."""
        self.path.unlink(missing_ok=True)

    def _write(self, content: Mapping[str, Any]) -> None:
        unnamed = self.path.with_suffix(".new")
        unnamed.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        unnamed.replace(self.path)


def digest(*parts: bytes) -> str:
    """Return one sha256 over all parts, each with its length."""
    total = sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()
