"""`python -m installer run`, `browsers`, `runtimes`, `real-models` and `test`: the steps."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from installer import browser, distribution_packages, python_packages, real_models, tfjs_packages
from installer.commands import Commands
from installer.installed_browsers import find_browser
from installer.lock import only_one
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller

EXTRAS = {
    "run": frozenset({"litert"}),
    "browsers": frozenset({"litert"}),
    "runtimes": frozenset({"litert"}),
    "real-models": frozenset({"litert"}),
    "test": frozenset({"litert", "memory", "tls", "dev"}),
}


def run(argv: Sequence[str]) -> int:
    """Set the checkout up and return the exit code: 0, 1 stopped, 130 interrupted."""
    arguments = _parse(argv)
    teller = Teller(sys.stderr)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_interrupt)
    machine = Machine.here()
    try:
        with only_one(machine.notes, teller) as lock:
            commands = Commands(
                machine.notes, python_packages.without_detours(machine.environ), lock
            )
            _set_up(machine, commands, teller, arguments.purpose)
    except SetupStopped as stopped:
        lines = [f"setup stopped: {stopped.message}", *(f"  | {line}" for line in stopped.tail)]
        teller.say("\n".join([*lines, f"  next step: {stopped.next_step}"]))
        return 1
    except OSError as error:
        teller.say(
            f"setup stopped: {error}\n  next step: see that this folder belongs to you and its "
            "disk is not full, then run the command again"
        )
        return 1
    except KeyboardInterrupt:
        teller.say("setup interrupted; run the same command again to go on")
        return 130
    return 0


def _set_up(machine: Machine, commands: Commands, teller: Teller, purpose: str) -> None:
    version = ".".join(map(str, machine.python_version))
    teller.done("python", f"{version} at {machine.python}")
    everything = purpose == "test" and machine.is_ci
    if everything:
        distribution_packages.bring(machine, commands, teller)
    if purpose == "browsers":
        distribution_packages.bring(
            machine, commands, teller, only=distribution_packages.MORE_BROWSERS
        )
    python_packages.bring(machine, commands, teller, extras=EXTRAS[purpose])
    tfjs_packages.bring(machine, commands, teller, others=purpose in {"runtimes", "test"})
    if everything or purpose == "real-models":
        real_models.bring(machine, commands, teller)
    has_browser = browser.bring(
        machine,
        commands,
        teller,
        find=lambda: find_browser(machine, commands),
        may_install=everything or (purpose != "test" and machine.may_install_packages()),
    )
    if everything and not has_browser:
        raise SetupStopped(
            "CI=true, and there is no browser", next_step="see the line above for what was tried"
        )
    if purpose == "test" and not everything:
        distribution_packages.tell_missing(machine, teller)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m installer", description="Set up a checkout.")
    parser.add_argument(
        "purpose",
        choices=sorted(EXTRAS),
        help="run: what measuring in TF.js needs; browsers: Firefox and WebKitGTK too; "
        "runtimes: the other runtimes too; "
        "real-models: trained models too; test: what the tests need too (with CI=true, "
        "everything they need, or it fails)",
    )
    return parser.parse_args(argv)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
