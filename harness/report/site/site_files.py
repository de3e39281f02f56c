"""Every file of a site, one in memory at a time, the entry page last."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from harness.memory_plan import kept_tensors
from harness.model import Cell, RunResult
from harness.report.memory_maps import PlannedFile, memory_maps
from harness.report.pictures.all_pictures import pictures_of
from harness.report.scrubbing import Scrubber
from harness.report.site.addresses import ENTRY, Addresses, history_page
from harness.report.site.cell_pages import CellSite, cell_page
from harness.report.site.entry_page import EntryParts, entry_page
from harness.report.site.history_pages import history_page_text
from harness.report.site.page_files import PageFile, page_file
from harness.report.site.publication import PUBLICATION, publication
from harness.report.site.published_results import FolderToPublish, PublishedResults, key_of
from harness.report.site.run_pages import run_page
from harness.report.site.series import Courses, courses_of
from harness.report.site.session_pages import session_page

PICTURES = "pictures"


def site_files(of: PublishedResults, courses: Courses | None = None) -> Iterator[PageFile]:
    """Give the files of a site; `courses` are of an index, else those of these very folders.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
        StoreError: raw files or kept tensors are gone or damaged.
    """
    addresses = Addresses(of.results)
    pages = {key_of(cell): addresses.cell(cell.path, cell.cell) for cell in of.cells}
    known = courses_of(of.cells, pages) if courses is None else courses
    site = CellSite(
        of=of,
        addresses=addresses,
        cells={key_of(cell): cell for cell in of.cells},
        attempts=_attempts(of),
        courses=known,
    )
    without_raw = 0
    for folder in of.folders:
        without_raw += yield from _pages_of(folder, site)
    for course in {each.name: each for each in known.values()}.values():
        yield page_file(history_page(course), history_page_text(course, of.scrubber))
    drawn = pictures_of(of.shown)
    for picture in drawn:
        yield page_file(f"{PICTURES}/{picture.table.name}.svg", picture.svg)
    yield page_file(PUBLICATION, publication(of))
    planned = [file for each in of.folders for file in _planned_files(each, of.scrubber)]
    maps = memory_maps(planned)
    yield page_file(ENTRY, entry_page(of, addresses, EntryParts(drawn, maps, known, without_raw)))


def _pages_of(folder: FolderToPublish, site: CellSite) -> Generator[PageFile, None, int]:
    """Give the pages of a folder; return how many of its runs have lost their raw files."""
    path = folder.results.path
    own = [cell for cell in site.of.cells if cell.path == path]
    lost = 0
    for cell in own:
        for run in site.attempts.get(key_of(cell), ()):
            raw = folder.raw(run)
            lost += bool(run.raw) and not raw.files
            yield page_file(site.addresses.run(path, run), run_page(run, cell, site, raw))
    for cell in own:
        yield page_file(site.addresses.cell(path, cell.cell), cell_page(cell, site))
    yield page_file(site.addresses.session(path), session_page(folder, own, site))
    return lost


def _attempts(of: PublishedResults) -> Mapping[tuple[str, Cell], Sequence[RunResult]]:
    found: dict[tuple[str, Cell], list[RunResult]] = {}
    for folder in of.results:
        for run in folder.runs:
            found.setdefault((folder.path, run.cell), []).append(run)
    return found


def _planned_files(folder: FolderToPublish, scrubber: Scrubber) -> Iterator[PlannedFile]:
    for name, facts in folder.results.session.models.items():
        digest = str(facts.get("tflite_sha256"))
        data = folder.tensors.get(digest)
        title = scrubber.text(name)
        where = f"{folder.results.path}/memory/{digest}.json"
        kept = None if data is None else kept_tensors.from_bytes(data, title=title, where=where)
        yield PlannedFile(name, facts, kept)
