"""How the installer finds or brings a browser, and the packages of the distribution."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from installer_parts import add_program, bare_machine, fails, scripted

from installer import browser, distribution_packages
from installer.browser import Browser
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return bare_machine(tmp_path)


FOUND = Browser("Chromium 156.0", "/usr/bin/chromium")


def bring_browser(machine, commands, finds, *, may_install):
    out = StringIO()
    answers = iter(finds)
    has = browser.bring(
        machine, commands, Teller(out), find=lambda: next(answers), may_install=may_install
    )
    return has, out.getvalue()


def test_an_installed_browser_is_taken_and_nothing_is_started(machine):
    commands = scripted(machine)
    has, told = bring_browser(machine, commands, [FOUND], may_install=True)
    assert has
    assert not commands.ran
    assert told == "browser    Chromium 156.0 at /usr/bin/chromium (found)\n"


def test_without_a_browser_playwright_downloads_one_before_any_package_is_installed(machine):
    commands = scripted(machine)
    has, told = bring_browser(machine, commands, [None, FOUND], may_install=True)
    assert has
    assert [argv[1] for argv in commands.ran] == ["install"]
    assert "(downloaded by Playwright)" in told


@pytest.mark.parametrize("download", [fails, lambda _argv: None], ids=["fails", "does not run"])
def test_where_the_download_brings_none_the_distributions_package_does(machine, download):
    apt = add_program(machine, "apt-get")
    root_machine = replace(machine, is_root=True)
    commands = scripted(machine, Playwright=download)
    finds = [None, FOUND] if download is fails else [None, None, FOUND]
    has, told = bring_browser(root_machine, commands, finds, may_install=True)
    assert has
    assert [argv[:2] for argv in commands.ran[1:]] == [[apt, "update"], [apt, "install"]]
    assert commands.ran[-1][-1] == "chromium"
    assert commands.environs[-1]["DEBIAN_FRONTEND"] == "noninteractive"
    assert "(installed with apt-get)" in told


def test_no_package_is_installed_where_that_is_not_wanted(machine):
    add_program(machine, "apt-get")
    commands = scripted(machine, Playwright=fails)
    has, told = bring_browser(replace(machine, is_root=True), commands, [None], may_install=False)
    assert not has
    assert len(commands.ran) == 1
    assert told.startswith("browser    none; it failed (exit 1); get one: ")
    assert told.count("\n") == 1


def test_a_download_that_does_not_start_is_told_as_such(machine):
    _, told = bring_browser(machine, scripted(machine), [None, None], may_install=False)
    assert told.startswith("browser    none; the one downloaded by Playwright does not start; ")


# --- the distribution's packages


def test_ci_installs_what_is_missing_and_only_that(machine):
    add_program(machine, "google-chrome")
    apt = add_program(machine, "apt-get")
    commands = scripted(machine)
    commands.effects["install"] = lambda _argv: add_program(machine, "mksh")
    distribution_packages.bring(replace(machine, is_root=True), commands, Teller(StringIO()))
    assert [argv[:2] for argv in commands.ran] == [[apt, "update"], [apt, "install"]]
    assert "chromium" not in commands.ran[1]
    assert commands.ran[1][-1] == "mksh"


def test_ci_starts_nothing_when_all_is_there(machine):
    for name in ("chromium", "mksh"):
        add_program(machine, name)
    commands = scripted(machine)
    distribution_packages.bring(machine, commands, Teller(StringIO()))
    assert not commands.ran


@pytest.mark.parametrize(("is_root", "has_apt"), [(False, True), (True, False), (False, False)])
def test_ci_fails_with_the_names_where_it_may_not_install(machine, is_root, has_apt):
    if has_apt:
        add_program(machine, "apt-get")
    commands = scripted(machine)
    with pytest.raises(SetupStopped, match="chromium, mksh"):
        distribution_packages.bring(replace(machine, is_root=is_root), commands, Teller(StringIO()))
    assert not commands.ran


def test_ci_does_not_believe_an_installation_that_brought_no_program(machine):
    add_program(machine, "apt-get")
    with pytest.raises(SetupStopped, match="no program of these packages is on PATH"):
        distribution_packages.bring(
            replace(machine, is_root=True), scripted(machine), Teller(StringIO())
        )


def test_without_ci_each_missing_part_is_one_line_with_its_command(machine):
    out = StringIO()
    distribution_packages.tell_missing(machine, Teller(out))
    (line,) = out.getvalue().splitlines()
    assert line.startswith("system     no mksh (device scripts); get it: ")
    assert line.endswith("mksh")
