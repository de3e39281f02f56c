"""`edgebench publish DIR…`: result folders as a static page, or as tables within a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from harness import store
from harness.cli import say
from harness.cli.publication_notes import note
from harness.counted import counted
from harness.errors import EXIT_OK, StoreError, SuiteError
from harness.report import site
from harness.report.marked_region import with_region
from harness.report.methods import methods
from harness.report.site import FolderToPublish
from harness.store import write_atomically

_PAGE = "index.html"
_PICTURES = "pictures"
_HEAD_BYTES = 4096


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if not (arguments.out or arguments.into or arguments.methods):
        raise SuiteError(
            "publish what?", hint="name a folder with --out, a file with --into, or ask --methods"
        )
    # A folder that must not be written to is found out before the work.
    if arguments.out:
        _check_ours(arguments.out)
    paths = store.find_folders(arguments.folders)
    folders = [FolderToPublish(store.read(path), store.read_tensors(path)) for path in paths]
    results = [folder.results for folder in folders]
    if arguments.methods:
        sys.stdout.write(methods(results, include_virtual=arguments.include_virtual))
    if arguments.into:
        shown = site.markdown(results, include_virtual=arguments.include_virtual)
        _write_into(arguments.into, arguments.marker, shown)
        note(paths, "--into", arguments.into, arguments)
    if arguments.out:
        _write_site(arguments.out, folders)
        note(paths, "--out", arguments.out, arguments)
    return EXIT_OK


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


def _write_site(out: Path, folders: list[FolderToPublish]) -> None:
    made = site.site(folders)
    path = out / _PAGE
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write_pictures(out / _PICTURES, made.pictures)
        write_atomically(path, made.page.encode())
    except OSError as error:
        raise _refused(path, error) from error
    print(path)  # noqa: T201  where the page is, is the product
    say(
        f"{counted(len(folders), 'result folder')}, {len(made.page.encode())} bytes"
        + (f", {counted(len(made.pictures), 'picture')} in {_PICTURES}/" * bool(made.pictures))
    )


def _write_pictures(folder: Path, pictures: Mapping[str, str]) -> None:
    """Write each picture as a file of its own, and remove those of an earlier page."""
    if pictures:
        folder.mkdir(exist_ok=True)
    for name, svg in pictures.items():
        write_atomically(folder / f"{name}.svg", svg.encode())
    for old in folder.glob("*.svg") if folder.is_dir() else ():
        if old.stem not in pictures:
            old.unlink()


def _check_ours(folder: Path) -> None:
    """Refuse a folder that holds anything but a page of ours and what a killed writer left."""
    try:
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
        foreign = [n for n in names if not _is_ours(folder, n)]
        if _PAGE in names:
            with (folder / _PAGE).open("rb") as file:
                head = file.read(_HEAD_BYTES)
            ours = f'<meta name="generator" content="{site.GENERATOR}">'.encode() in head
            foreign += [] if ours else [_PAGE]
    except OSError as error:
        raise _refused(folder, error) from error
    if foreign:
        raise StoreError(
            f"the folder has {min(foreign)!r} in it, which `edgebench publish` did not write",
            where=str(folder),
            hint="name a new or empty folder with --out, or one that was published to before",
        )


def _is_ours(folder: Path, name: str) -> bool:
    if name == _PICTURES:
        return all(".svg" in picture.name for picture in (folder / name).iterdir())
    return name == _PAGE or name.startswith(f".{_PAGE}.")


def _refused(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the page cannot be written: {error.strerror}",
        where=str(path),
        hint="choose another folder with --out, or make room there",
    )
