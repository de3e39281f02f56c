"""`edgebench bundle DIR… --out FILE.tar.gz`: result folders as one archive to cite."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from harness import locations, store
from harness.cli import say
from harness.cli.folders import place_of
from harness.counted import counted
from harness.errors import EXIT_OK, StoreError, SuiteError
from harness.machine_label import machine_names
from harness.model import ResultFolder
from harness.plugins import driver
from harness.report.bundle import archive, papers
from harness.report.bundle.clean_folder import read_clean, write_clean
from harness.report.bundle.cleaning import Cleaner, serial_hashes
from harness.report.bundle.papers import CITATION, README, SUMS, TABLES, Cited
from harness.report.markdown_tables import markdown
from harness.report.scrubbing import Scrubber
from harness.store.folder import RUNS, SESSION

_MOST_NAME = 60


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    kind = archive.kind_of(arguments.out)
    paths = _with_those_inside(store.find_folders(arguments.folders))
    scrubber = Scrubber(machine_names().union(arguments.hide))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch) / _name(paths)
            folders = _results(paths, root, scrubber)
            _papers(root, folders, arguments)
            _write(root, arguments.out, kind)
            files = sum(path.is_file() for path in root.rglob("*"))
    except OSError as error:
        raise StoreError(
            f"the bundle cannot be written: {error.strerror}",
            where=str(arguments.out),
            hint="make room, or choose another place with --out",
        ) from error
    print(arguments.out)  # noqa: T201  where the bundle is, is the product
    digest = sha256(arguments.out.read_bytes()).hexdigest()
    size = arguments.out.stat().st_size
    say(f"{counted(len(folders), 'result folder')}, {files} files, {size} bytes, sha256 {digest}")
    return EXIT_OK


def _private_paths() -> tuple[str, ...]:
    known = (Path.home(), Path.cwd(), locations.checkout(), locations.cache())
    return tuple(str(path) for path in known if path is not None and len(path.parts) > 1)


def _name(paths: Sequence[Path]) -> str:
    """Name the folder in the archive by what is in it, whatever the archive is called."""
    sessions = [store.read_session(path) for path in paths]
    digest = sha256()
    for path in paths:
        digest.update((path / SESSION).read_bytes() + (path / RUNS).read_bytes())
    suites = "-".join(dict.fromkeys(session.suite for session in sessions))
    told = re.sub(r"[^\w.-]+", "-", suites).strip("-.")[:_MOST_NAME]
    day = max(session.started_utc for session in sessions)[:10]
    return f"{told or 'results'}-{day}-{digest.hexdigest()[:8]}"


def _results(paths: Sequence[Path], root: Path, scrubber: Scrubber) -> list[ResultFolder]:
    folders = []
    for path in paths:
        cleaner = Cleaner(scrubber.text, _private_paths(), serial_hashes(store.read(path)))
        named = (cleaner.text(part).replace("/", "-") for part in place_of(path).parts)
        name = "/".join(named)
        place = root / "results" / name
        if (place / SESSION).exists():
            raise SuiteError(
                f"two of these folders are called {name}",
                hint="bundle them apart, or give one of them another name",
            )
        write_clean(path, place, cleaner, driver)
        folders.append(read_clean(place, name))
    return folders


def _with_those_inside(paths: Sequence[Path]) -> list[Path]:
    """Add to a folder those inside of it, such as the fresh blocks of a gate."""
    inside = (each.parent for path in paths for each in path.glob(f"*/{SESSION}"))
    return sorted({path.resolve(): path for path in (*paths, *inside)}.values())


def _papers(root: Path, folders: list[ResultFolder], arguments: argparse.Namespace) -> None:
    cited = Cited(arguments.title or "", tuple(arguments.author))
    virtual: bool = arguments.include_virtual
    version = metadata.version("edgebench")
    texts = {
        TABLES: markdown(folders, include_virtual=virtual),
        README: papers.readme(cited, folders, version, include_virtual=virtual),
        CITATION: papers.citation(cited, folders),
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / SUMS).write_text(papers.sums(root), encoding="utf-8")


def _write(root: Path, out: Path, kind: str) -> None:
    """Write the archive whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            archive.pack(root, file, kind)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
