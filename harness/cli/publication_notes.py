"""Noting in result folders where their tables were published, so that `impact` finds them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.cli import say
from harness.errors import StoreError
from harness.store.publications import Way, note_publication

_DEFAULT_MARKER = "results"


def note(paths: Sequence[Path], way: Way, to: Path, arguments: argparse.Namespace) -> None:
    """Note in each folder that its tables stand at `to`; a folder that refuses is told of.

    What was published stands either way.
    """
    options = ["--include-virtual"] if arguments.include_virtual else []
    if way == "--into" and arguments.marker != _DEFAULT_MARKER:
        options += ["--marker", arguments.marker]
    if way == "--out" and arguments.history:
        options += ["--history", str(arguments.history)]
    refused: list[StoreError] = []
    for path in paths:
        try:
            note_publication(path, way, to, arguments.folders, options)
        except StoreError as error:
            refused.append(error)
    if refused:
        say(f"edgebench: published, and not noted in {len(refused)} of {len(paths)} folders:")
        say(f"  {refused[0]}")
        say(f"  next step: {refused[0].hint}")
