"""A site as files: their places, their bytes, and what every page of it says of its origin."""

from __future__ import annotations

from dataclasses import dataclass

GENERATOR = "edgebench publish"
"""What a page says of its origin; only a folder with such pages is written over."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of a site: its place below the site's folder, with `/`, and its bytes."""

    place: str
    content: bytes


def page_file(place: str, text: str) -> PageFile:
    """Return a page or a picture as a file."""
    return PageFile(place, text.encode("utf-8", errors="backslashreplace"))


def home() -> tuple[str, str]:
    """Return the link from a page in one of the site's folders to its entry page."""
    return ("All results", "../index.html")
