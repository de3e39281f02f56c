"""Sites made of made-up folders, as a reader finds them: files by place, links, texts of pages."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from posixpath import dirname, join, normpath

from harness.model import ResultFolder
from harness.report.scrubbing import Scrubber
from harness.report.site.published_results import FolderToPublish, publish_results
from harness.report.site.site_files import site_files


def files_of(
    folders: Sequence[FolderToPublish | ResultFolder],
    *,
    include_virtual: bool = True,
    names: Sequence[str] = (),
) -> dict[str, str]:
    """Return the files of a site, as texts by their places, in the order of their writing."""
    whole = [
        each if isinstance(each, FolderToPublish) else FolderToPublish(each) for each in folders
    ]
    chosen = publish_results(
        whole, include_virtual=include_virtual, scrubber=Scrubber(frozenset(names))
    )
    return {file.place: file.content.decode() for file in site_files(chosen)}


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.elements if tag == "a"]


def reachable(files: dict[str, str], begin: str = "index.html") -> dict[str, str]:
    """Return the pages that links lead to from the entry page, and itself; dead links lead nowhere."""
    found = {begin: files[begin]}
    waiting = [begin]
    while waiting:
        place = waiting.pop()
        for address in Page(files[place]).links:
            there = normpath(join(dirname(place), address))
            if not address.startswith("#") and there in files and there not in found:
                found[there] = files[there]
                waiting.append(there)
    return found


def dead_links(files: dict[str, str], of: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Return every (page, address) that leads to no page and no element of its own page.

    `of` are the pages whose links are followed, all if None.
    """
    dead = []
    for place, text in (files if of is None else of).items():
        if not place.endswith(".html"):
            continue
        page = Page(text)
        anchors = {attrs.get("id") for _, attrs in page.elements}
        for address in page.links:
            if address.startswith("#"):
                known = address[1:] in anchors
            else:
                known = normpath(join(dirname(place), address)) in files
            if not known:
                dead.append((place, address))
    return dead
