"""`edgebench publish DIR…`: result folders as a static site, or as tables within a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from harness import store
from harness.cli import say
from harness.cli.publication_notes import note
from harness.cli.site_folder import SiteFolder
from harness.counted import counted
from harness.errors import EXIT_OK, StoreError, SuiteError
from harness.history.refresh import ask_index
from harness.machine_label import machine_names
from harness.model import RunResult
from harness.report.markdown_tables import markdown
from harness.report.marked_region import with_region
from harness.report.methods import methods
from harness.report.scrubbing import Scrubber
from harness.report.site.index_courses import courses_of_index
from harness.report.site.published_results import (
    FolderToPublish,
    PublishedResults,
    Raw,
    ReadRaw,
    publish_results,
)
from harness.report.site.series import Courses
from harness.report.site.site_files import site_files
from harness.store import write_atomically
from harness.store.gate_record import GATE, read_gate
from harness.store.marks import MARKS
from harness.store.pruned import pruned_on
from harness.store.raw import read_raw

_HASHED = ("session.json", "runs.jsonl", "suite.yaml", GATE, MARKS)


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if not (arguments.out or arguments.into or arguments.methods):
        raise SuiteError(
            "publish what?", hint="name a folder with --out, a file with --into, or ask --methods"
        )
    # A folder that must not be written to is found out before the work.
    site = SiteFolder(arguments.out) if arguments.out else None
    paths = store.find_folders(arguments.folders)
    folders = [_to_publish(path) for path in paths]
    results = [folder.results for folder in folders]
    if arguments.methods:
        sys.stdout.write(methods(results, include_virtual=arguments.include_virtual))
    if arguments.into:
        shown = markdown(results, include_virtual=arguments.include_virtual)
        _write_into(arguments.into, arguments.marker, shown)
        note(paths, "--into", arguments.into, arguments)
    if site:
        chosen = publish_results(
            folders, include_virtual=arguments.include_virtual, scrubber=Scrubber(machine_names())
        )
        _write_site(site, chosen, _courses(arguments.history, chosen, paths))
        note(paths, "--out", arguments.out, arguments)
    return EXIT_OK


def _to_publish(path: Path) -> FolderToPublish:
    return FolderToPublish(
        results=store.read(path),
        tensors=store.read_tensors(path),
        raw=_raw_of(path),
        gate=read_gate(path),
        digests=_digests(path),
    )


def _raw_of(path: Path) -> ReadRaw:
    def read(run: RunResult) -> Raw:
        if day := pruned_on(path, run):
            return Raw(absent=f"Its files were pruned on {day}, to make room.")
        if run.raw and not (path / run.raw).is_dir():
            return Raw(absent="Its files are not in the result folder: nobody can check this run.")
        return Raw(read_raw(path, run))

    return read


def _digests(path: Path) -> dict[str, str]:
    try:
        return {
            name: sha256((path / name).read_bytes()).hexdigest()
            for name in _HASHED
            if (path / name).is_file()
        }
    except OSError as error:
        raise StoreError(
            f"the result folder cannot be read: {error.strerror}",
            where=str(path),
            hint="make its files readable",
        ) from error


def _write_into(path: Path, marker: str, content: str) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        written = with_region(text, marker, content, where=str(path))
        write_atomically(path, written.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f"cannot be read or written: {error}",
            where=str(path),
            hint="name a text file that may be written",
        ) from error
    say(f"{path}: the tables between its markers are new")


def _courses(
    results: Path | None, chosen: PublishedResults, paths: Sequence[Path]
) -> Courses | None:
    """Return the courses that the index of these results has; None if none is asked."""
    if results is None:
        return None
    below = results.resolve()
    places = {
        path.resolve().relative_to(below).as_posix(): folder.path
        for path, folder in zip(paths, chosen.results, strict=True)
        if path.resolve().is_relative_to(below)
    }
    if not places:
        raise SuiteError(
            "none of these folders lies below it",
            where=str(results),
            hint="name with --history the folder that your results lie in, such as `results`",
        )
    return ask_index(results, lambda index: courses_of_index(index, chosen, places), say)


def _write_site(site: SiteFolder, chosen: PublishedResults, courses: Courses | None) -> None:
    written = site.write(site_files(chosen, courses))
    print(written.entry)  # noqa: T201  where the page is, is the product
    say(
        f"{counted(len(chosen.folders), 'result folder')}, {counted(written.pages, 'page')}, "
        f"{written.total_bytes} bytes"
    )
    if chosen.virtual_left_out:
        say(
            f"{counted(chosen.virtual_left_out, 'cell')} of virtual devices left out: they are "
            "this host, not a phone; --include-virtual takes them too"
        )
