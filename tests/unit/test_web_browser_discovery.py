"""Which browsers are found: in PATH, in the standard folders, by path, as Playwright's download."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import TargetNotFound
from harness.transports.browser_discovery import (
    BROWSERS,
    chromium_like,
    find,
    find_all,
    install_command,
    playwright_downloads,
    safari,
    webkitgtk,
)
from harness.transports.browser_discovery import program as programs
from harness.transports.browser_discovery.playwright_downloads import playwright_download

CHROMIUM = "Chromium 140.0.7339.80 built on Debian GNU/Linux 12 (bookworm)"
CHROME = "Google Chrome 141.0.7390.54 "
EDGE = "Microsoft Edge 140.0.3485.94"
FIREFOX = "Mozilla Firefox 153.7.0esr"
FOR_TESTING = "Google Chrome for Testing 156.0.8078.4"

Maker = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Make programs that tell a version, on a host that has nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.setattr(programs, "_STANDARD_FOLDERS", (str(tmp_path / "standard"),))
    monkeypatch.setattr(webkitgtk, "_ROOT", tmp_path / "usr")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(
        chromium_like,
        "_PROGRAMS",
        {
            family: tuple(name for name in names if "/" not in name)
            for family, names in chromium_like._PROGRAMS.items()
        },
    )

    def make(where: str, says: str) -> Path:
        path = tmp_path / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n/bin/echo '{says}'\n")
        path.chmod(0o755)
        return path

    return make


def test_an_installed_browser_is_found_with_its_version(program: Maker) -> None:
    path = program("bin/chromium", CHROMIUM)
    found = find("chromium")
    assert (found.name, found.path, found.version) == ("chromium", path, "140.0.7339.80")
    assert (found.origin, found.label) == ("installed", "Chromium 140")


def test_an_emptied_path_does_not_hide_the_standard_folders(
    program: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program("standard/google-chrome-stable", CHROME)
    monkeypatch.setenv("PATH", "")
    assert find("chrome").path == path


def test_each_name_finds_its_own_program(program: Maker) -> None:
    program("bin/chromium-browser", CHROMIUM)
    program("bin/google-chrome", CHROME)
    program("bin/microsoft-edge-stable", EDGE)
    assert [find(name).version for name in ("chromium", "chrome", "edge")] == [
        "140.0.7339.80",
        "141.0.7390.54",
        "140.0.3485.94",
    ]
    assert [found.name for found in find_all()] == ["chromium", "chrome", "edge"]


def test_chromium_takes_playwrights_download_before_chrome(program: Maker) -> None:
    program("bin/google-chrome", CHROME)
    assert find("chromium").name == "chrome"
    download = playwright_download("chromium")
    assert download is not None
    program(str(download.path), FOR_TESTING)
    found = find("chromium")
    assert (found.name, found.origin, found.path) == ("chromium", "playwright", download.path)


def test_chrome_is_never_another_browser(program: Maker) -> None:
    program("bin/chromium", CHROMIUM)
    download = playwright_download("chromium")
    assert download is not None
    program(str(download.path), FOR_TESTING)
    with pytest.raises(TargetNotFound):
        find("chrome")


@pytest.mark.parametrize(
    ("says", "name"), [(CHROMIUM, "chromium"), (CHROME, "chrome"), (EDGE, "edge")]
)
def test_a_path_is_taken_for_what_it_says_it_is(program: Maker, says: str, name: str) -> None:
    found = find(str(program("anywhere/my-browser", says)))
    assert (found.name, found.origin) == (name, "named")


def test_two_names_for_one_program_are_one_browser(program: Maker, tmp_path: Path) -> None:
    path = program("bin/chromium", CHROMIUM)
    (tmp_path / "bin" / "chromium-browser").symlink_to(path)
    assert len(find_all()) == 1


@pytest.mark.parametrize("says", ["", "version?", "Chromium", "requires the chromium snap 1.2"])
def test_a_program_that_tells_no_version_is_no_browser(program: Maker, says: str) -> None:
    path = program("bin/chromium", says)
    assert find_all() == ()
    with pytest.raises(TargetNotFound):
        find(str(path))


def test_a_program_that_fails_or_cannot_run_is_no_browser(program: Maker) -> None:
    program("bin/chromium", f"{CHROMIUM}'; exit 1; '")
    program("bin/google-chrome", CHROME).write_text("no program\n")
    assert find_all() == ()


@pytest.mark.parametrize(
    ("browser", "command"),
    [
        ("chromium", "-m playwright install chromium"),
        ("chrome", "-m playwright install chrome"),
        ("edge", "-m playwright install msedge"),
    ],
)
def test_a_missing_browser_comes_with_the_one_command(
    program: Maker, browser: str, command: str
) -> None:
    with pytest.raises(TargetNotFound) as caught:
        find(browser)
    assert caught.value.kind == "browser-missing"
    assert caught.value.hint.endswith(command)


@pytest.mark.parametrize("browser", ["netscape", "chromium2", "/none/such", "."])
def test_what_is_no_browser_is_refused_with_the_names(program: Maker, browser: str) -> None:
    with pytest.raises(TargetNotFound) as caught:
        find(browser)
    assert caught.value.kind == "browser-missing"
    assert ", ".join(BROWSERS) in caught.value.hint


@pytest.mark.parametrize("browser", ["chromium", "webkit"])
def test_playwrights_download_lies_where_playwright_says(browser: str) -> None:
    from playwright.sync_api import sync_playwright

    ours = playwright_download(browser)
    with sync_playwright() as playwright:
        theirs = getattr(playwright, browser).executable_path
    assert ours is not None
    assert str(ours.path) == theirs
    assert ours.version[0].isdigit()


def test_a_playwright_that_cannot_be_read_has_no_download(
    program: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = tmp_path / "playwright_package" / "driver" / "package" / "browsers.json"
    listing.parent.mkdir(parents=True)
    spec = SimpleNamespace(origin=str(tmp_path / "playwright_package" / "__init__.py"))
    monkeypatch.setattr(playwright_downloads, "find_spec", lambda _: spec)
    for text in ("", "[]", "{}", json.dumps({"browsers": [{"name": "firefox", "revision": "1"}]})):
        listing.write_text(text)
        assert playwright_download("chromium") is None
    monkeypatch.setattr(playwright_downloads, "find_spec", lambda _: None)
    assert playwright_download("chromium") is None


def test_a_firefox_is_found_once_under_either_name(program: Maker) -> None:
    path = program("bin/firefox-esr", FIREFOX)
    program("bin/firefox", FIREFOX)
    (found,) = find_all()
    assert (found.name, found.path, found.label) == ("firefox", path, "Firefox 153")
    assert find("firefox") == found


def test_a_path_may_be_a_firefox(program: Maker) -> None:
    found = find(str(program("anywhere/fox", FIREFOX)))
    assert (found.name, found.version, found.origin) == ("firefox", "153.7.0", "named")


def test_playwrights_webkit_counts_when_it_was_downloaded(program: Maker) -> None:
    download = playwright_download("webkit")
    assert download is not None
    with pytest.raises(TargetNotFound) as caught:
        find("webkit")
    assert "playwright install" in caught.value.hint
    program(str(download.path), "")
    found = find("webkit")
    assert (found.name, found.origin, found.path) == ("webkit", "playwright", download.path)
    assert found.label.startswith("Playwright's WebKit ")


@pytest.mark.parametrize(
    "place",
    [
        "usr/lib/x86_64-linux-gnu/webkit2gtk-4.1",
        "usr/lib/webkitgtk-6.0",
        "usr/libexec/webkit2gtk-4.1",
    ],
)
def test_webkitgtk_needs_its_driver_and_tells_the_version_of_its_library(
    program: Maker, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = program(f"{place}/MiniBrowser", "")
    asked: list[str] = []

    def answer(*words: str) -> str:
        asked.extend(words)
        return "2.50.6\n"

    monkeypatch.setattr(webkitgtk, "answer_of", answer)
    with pytest.raises(TargetNotFound):
        find("webkitgtk")
    program("bin/WebKitWebDriver", "")
    found = find("webkitgtk")
    assert (found.name, found.path, found.version) == ("webkitgtk", path, "2.50.6")
    assert found.label == "WebKitGTK 2.50"
    assert path.parent.name.split("-")[-1] in asked[-1]


@pytest.mark.parametrize("told", ["", "2.50", "Segmentation fault"])
def test_a_library_that_tells_no_version_is_no_webkitgtk(
    program: Maker, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    program("usr/lib/webkitgtk-6.0/MiniBrowser", "")
    program("bin/WebKitWebDriver", "")
    monkeypatch.setattr(webkitgtk, "answer_of", lambda *words: told)
    assert find_all() == ()


def test_safari_is_found_on_a_mac_only(program: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "Included with Safari 26.1 (21622.2.11.11.9)"
    monkeypatch.setattr(safari, "DRIVER", program("bin/safaridriver", says))
    with pytest.raises(TargetNotFound) as caught:
        find("safari")
    assert "Mac" in caught.value.hint
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert (find("safari").version, find("safari").label) == ("26.1", "Safari 26")
    assert install_command("safari") == "sudo safaridriver --enable"


def test_each_browser_has_one_command_that_brings_it() -> None:
    for browser in BROWSERS:
        command = install_command(browser)
        assert command
        assert "\n" not in command
