"""What the verbs that make result folders share: their label, the shown command, the last line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from harness.cli import say
from harness.errors import SuiteError
from harness.machine_label import machine_label
from harness.store.folder import SESSION


def label_of(text: str | None) -> str:
    """Return the label of `--label`, else a short hash of this machine.

    Raises:
        SuiteError: it cannot be part of a folder's name.
    """
    if text is None:
        return machine_label()
    if not re.fullmatch(r"[\w.+-]{1,64}", text):
        raise SuiteError(
            f"--label {text!r} cannot be part of a folder's name",
            hint="use at most 64 letters, digits, dots, dashes, plus signs and underscores",
        )
    return text


def place_of(folder: Path) -> Path:
    """Return what a result folder is called where it goes: one inside of another, with that."""
    path = folder.resolve()
    inside = (path.parent / SESSION).is_file()
    return Path(path.parent.name, path.name) if inside else Path(path.name)


def shown_command() -> tuple[str, ...]:
    """Return the command line as a folder keeps it: of a path only its last part."""
    # Paths of this machine say who sits at it; their last part says enough.
    return ("edgebench", *(Path(a).name if "/" in a else a for a in sys.argv[1:]))


def say_where(path: Path, format_name: str | None) -> None:
    """Print where the folder is; to stderr where stdout is a table for machines."""
    if format_name in (None, "terminal"):
        print(f"results: {path}")  # noqa: T201  the folder is part of the product
    else:
        say(f"results: {path}")
