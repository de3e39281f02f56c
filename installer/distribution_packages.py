"""The distribution's packages that tests need: listed in `apt-packages.txt`, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from harness.system_packages import ListedPackage, command_for, read_list
from installer.commands import Commands
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller

PART = "system"
LIST_FILE = "apt-packages.txt"
BROWSER_PACKAGE = "chromium"
MORE_BROWSERS = frozenset({"firefox-esr", "webkit2gtk-driver", "xvfb"})
_APT = {"DEBIAN_FRONTEND": "noninteractive"}


def missing(machine: Machine, only: frozenset[str] = frozenset()) -> tuple[ListedPackage, ...]:
    """Return what is listed and not on PATH, of all packages or of `only` some."""
    rows = read_list((machine.root / LIST_FILE).read_text(encoding="utf-8"))
    asked = (row for row in rows if not only or row.package in only)
    return tuple(row for row in asked if not any(map(machine.which, row.programs)))


def bring(
    machine: Machine, commands: Commands, teller: Teller, *, only: frozenset[str] = frozenset()
) -> None:
    """Install what is listed and missing: for CI all of it, which must then be there.

    Raises:
        SetupStopped: something is absent and cannot be installed.
    """
    absent = missing(machine, only)
    if not absent:
        what = ", ".join(sorted(only)) or f"everything in {LIST_FILE}"
        teller.done(PART, f"{what}: there")
        return
    names = [row.package for row in absent]
    install(machine, commands, teller, names)
    still = [row.package for row in missing(machine, only)]
    if still:
        raise SetupStopped(
            f"installed, and yet no program of these packages is on PATH: {', '.join(still)}",
            next_step=f"correct {LIST_FILE}, or install them by hand: {_how(machine, still)}",
        )
    teller.done(PART, f"installed with apt-get: {', '.join(names)}")


def install(machine: Machine, commands: Commands, teller: Teller, packages: Sequence[str]) -> None:
    """Install packages with apt-get, without a question; raises `SetupStopped`."""
    by_hand = f"install it by hand: {_how(machine, packages)}"
    apt = machine.which("apt-get")
    if apt is None or not machine.may_install_packages():
        raise SetupStopped(f"not on this machine: {', '.join(packages)}", next_step=by_hand)
    teller.begin(PART, f"installing {', '.join(packages)} with apt-get")
    log = commands.start_log(PART)
    for arguments in (
        ["update", "-qq"],
        ["install", "-qq", "--yes", "--no-install-recommends", *packages],
    ):
        # A service that a package starts must not inherit the lock.
        commands.run(
            f"apt-get {arguments[0]}",
            [apt, *arguments],
            log=log,
            timeout_s=900.0,
            next_step=by_hand,
            environ=_APT,
            share_lock=False,
        )


def tell_missing(machine: Machine, teller: Teller) -> None:
    """Tell each missing part in one line with the command that brings it; not the browser,
    which has a step of its own.
    """
    for row in missing(machine):
        if row.package == BROWSER_PACKAGE:
            continue
        teller.done(PART, f"no {row.package} ({row.why}); get it: {_how(machine, [row.package])}")


def _how(machine: Machine, packages: Sequence[str]) -> str:
    return " && ".join(command_for(package, is_root=machine.is_root) for package in packages)
