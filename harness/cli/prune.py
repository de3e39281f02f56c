"""`edgebench prune --raw-older-than 90d`: make room by removing raw files of old sessions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import store
from harness.cli import say
from harness.cli.printing import print_tables
from harness.counted import counted
from harness.errors import EXIT_OK, EXIT_STORE, StoreError
from harness.model import Column, Figure, Table
from harness.store.pruned import last_run_utc, prune, raw_files

_MIB = 2**20


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 4 if a folder cannot be pruned, after all the others."""
    now = datetime.now(UTC)
    oldest = now - timedelta(days=arguments.raw_older_than)
    rows, refused = [], 0
    paths = store.find_folders([arguments.results])
    for path in paths:
        try:
            rows += list(_folder(path, now, oldest, dry_run=arguments.dry_run))
        except StoreError as error:
            refused += 1
            say(f"edgebench: not pruned: {error}")
            say(f"  next step: {error.hint}")
    print_tables([_table(rows, arguments)], arguments.format)
    young = len(paths) - len(rows) - refused
    if young:
        say(f"{counted(young, 'folder')} younger, or without raw files: left as they are")
    return EXIT_STORE if refused else EXIT_OK


def _folder(
    path: Path, now: datetime, oldest: datetime, *, dry_run: bool
) -> Iterator[tuple[str, Figure, Figure, Figure]]:
    last = last_run_utc(store.read_as_written(path))
    if last >= oldest:
        return
    found = raw_files(path) if dry_run else prune(path, oldest)
    if found.runs:
        yield (
            str(path),
            _count((now - last).days),
            _count(found.runs),
            Figure(found.size_bytes / _MIB, f"{found.size_bytes / _MIB:.3g}"),
        )


def _table(rows: list[tuple[str, Figure, Figure, Figure]], arguments: argparse.Namespace) -> Table:
    columns = (
        Column("folder", "folder"),
        Column("age", "age", "d", "right"),
        Column("runs", "runs", align="right"),
        Column("size", "raw files", "MiB", "right"),
    )
    age = f"older than {counted(arguments.raw_older_than, 'day')}"
    title = f"Raw files {'that would go' if arguments.dry_run else 'removed'}: {age}"
    notes = (
        "The numbers stay; nobody can check them against raw files, or read those again, any more.",
    )
    return Table("pruned", title, columns, tuple(rows), notes if rows else ("Nothing is so old.",))


def _count(number: int) -> Figure:
    return Figure(number, str(number))
