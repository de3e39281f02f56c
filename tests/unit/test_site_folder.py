"""A site is written over whole or not at all: killed between any two files, all its links live."""

from __future__ import annotations

from pathlib import Path

import pytest
from published_sites import dead_links, files_of, reachable
from test_site_pages import night

from harness.cli.site_folder import SiteFolder
from harness.errors import StoreError
from harness.report.site.page_files import PageFile


class Killed(BaseException):
    """The process is gone."""


def site(*days: int, factor: float = 1.0) -> list[PageFile]:
    made = files_of([night(day, factor, blocks=1) for day in days])
    return [PageFile(place, text.encode()) for place, text in made.items()]


def found(path: Path) -> dict[str, str]:
    return {
        file.relative_to(path).as_posix(): file.read_text()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.endswith(".partial")
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [((3,), (3, 4)), ((3, 4), (3,)), ((3,), (4,)), ((), (3,))],
    ids=["a night more", "a night less", "another night", "the first site"],
)
def test_killed_before_any_file_is_in_its_place_no_link_that_one_reaches_is_dead(
    before: tuple[int, ...],
    after: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = (site(*days) if days else [] for days in (before, after))
    put = Path.replace
    for last in (*range(0, len(new), 7), len(new) - 2, len(new) - 1):
        folder = tmp_path / str(last)
        if old:
            SiteFolder(folder).write(old)
        left = [last]

        def dying(path: Path, target: Path, left: list[int] = left) -> Path:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return put(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", dying)
            try:
                SiteFolder(folder).write(new)
            except Killed:
                there = found(folder)
                assert ("index.html" in there) == bool(old)
                if old:
                    assert there["index.html"] == old[-1].content.decode()
                    assert dead_links(there, reachable(there)) == []
        SiteFolder(folder).write(new)
        assert found(folder) == {file.place: file.content.decode() for file in new}


def test_a_file_that_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    SiteFolder(tmp_path / "s").write(site(3))
    page = next((tmp_path / "s" / "runs").iterdir())
    before = page.stat().st_ino, page.stat().st_mtime_ns
    SiteFolder(tmp_path / "s").write(site(3))
    assert (page.stat().st_ino, page.stat().st_mtime_ns) == before


def test_what_a_killed_writer_left_is_taken_away(tmp_path: Path) -> None:
    SiteFolder(tmp_path / "s").write(site(3))
    left = [tmp_path / "s" / name for name in (".index.html.1.partial", "runs/.x.html.1.partial")]
    for path in left:
        path.write_text("half")
    SiteFolder(tmp_path / "s").write(site(3))
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("place", ["notes.txt", "runs/notes.html", "pictures/x.png", "cells/sub/x"])
def test_a_folder_with_anything_else_in_it_is_refused(place: str, tmp_path: Path) -> None:
    SiteFolder(tmp_path / "s").write(site(3))
    (tmp_path / "s" / place).parent.mkdir(exist_ok=True)
    (tmp_path / "s" / place).write_text("mine")
    with pytest.raises(StoreError, match="did not write"):
        SiteFolder(tmp_path / "s")


def test_a_full_disk_is_told_and_the_former_site_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SiteFolder(tmp_path / "s").write(site(3))
    before = found(tmp_path / "s")

    def full(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="No space left"):
        SiteFolder(tmp_path / "s").write(site(4, factor=1.2))
    assert found(tmp_path / "s") == before
