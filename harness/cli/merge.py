"""`edgebench merge DIR… --out DIR`: the results of one plan's shards as one result folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from harness import store
from harness.cli import say
from harness.counted import counted
from harness.errors import EXIT_OK
from harness.model import SessionRecord, ShardRecord
from harness.store.merging import merge


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    folders = store.find_folders(arguments.folders)
    merged = merge(folders, arguments.out)
    print(merged.path)  # noqa: T201  where the folder is, is the product
    say(f"{counted(len(merged.session.merged), 'session')}, {counted(merged.runs, 'run')}")
    if merged.without_raw:
        say(f"{counted(merged.without_raw, 'run')} without raw files, which no folder has")
    for missing in _missing(merged.session):
        say(missing)
    beside = arguments.out.resolve().parent
    if any(each.resolve().parent == beside for each in folders if not _same(each, arguments.out)):
        say(f"it lies beside its parts: what reads all of {beside.name} sees their runs twice")
    return EXIT_OK


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _missing(session: SessionRecord) -> Iterator[str]:
    """Say which shards are not there, as those that are there know of them."""
    there = [each.session.shard for each in session.merged if each.session.shard]
    plans: list[list[ShardRecord]] = []
    for shard in there:
        own = next((plan for plan in plans if plan[0].benches == shard.benches), None)
        if own is None:
            plans.append([shard])
        else:
            own.append(shard)
    if len(plans) > 1:
        yield "these shards were cut from different plans: were suite and devices.yaml the same?"
    for plan in plans:
        indices = {shard.index for shard in plan}
        for bench, index in plan[0].benches.items():
            if index not in indices:
                yield f"shard {index}/{plan[0].count} is missing: {bench}"
