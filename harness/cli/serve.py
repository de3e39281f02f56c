"""`edgebench serve SUITE`: measure in whichever browser opens the address that is printed."""

from __future__ import annotations

import argparse
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness import plan, store
from harness.cli import say
from harness.cli.finish import concluded, told_if_it_fails
from harness.cli.run import begin, conclude, make_runs, prepare
from harness.errors import StoreError, SuiteError
from harness.plan import Plan, Selection
from harness.plugins import driver, registry
from harness.progress import display, run_text
from harness.runner.events import (
    BlockAdded,
    BrowserJoined,
    Event,
    Looked,
    Noticed,
    ReferenceStarted,
    RunFinished,
    RunStarted,
    Serving,
    SessionStarted,
)
from harness.suite.load import load
from harness.suite.values import Suite
from harness.transports.served import ConnectedDevice, Lobby, Progress, opened
from harness.transports.served.certificate import context_of, made_for
from harness.transports.served.connections import Address, address_of
from harness.web_lane.served_targets import on_device, served_suite

_NOT_ISOLATED = (
    "without TLS pages off this host are not cross-origin isolated: threaded variants are skipped, "
    "clocks are coarser, and whoever is on this network can read along; --tls mends all three"
)


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    registry("formats").get(arguments.format or "terminal")
    address = address_of(arguments.host, arguments.port)
    tls, fingerprint = _tls(arguments, address)
    suite, only = _served_part(arguments)
    expected = _device_of_resumed(arguments)
    # What is missing on this host is found out before somebody comes with a device.
    prepared = prepare(_planned(suite, arguments, only))
    with display(arguments.progress) as show:
        emit = _one_at_a_time(show)
        lobby = Lobby(
            address,
            suite=suite.name,
            notice=lambda text: emit(Noticed(text)),
            tls=tls,
            expected=expected,
        )
        with opened(lobby):
            _announce(arguments, lobby, fingerprint, emit)
            device = lobby.wait_for_device()
            emit(_joined(device))
            arguments.label = arguments.label or device.slug
            placed = on_device(suite, device.label, device.slug, device.bench)
            planned = _planned(placed, arguments, only)
            follow = _shown_on_page(lobby, emit)
            begun = begin(arguments, planned, prepared)
            with told_if_it_fails(suite, begun.writer.path):
                folder, finished = make_runs(arguments, begun, prepared, follow)
    return concluded(
        suite, Path(folder.path), lambda: conclude(arguments, folder, finished=finished)
    )


def _served_part(arguments: argparse.Namespace) -> tuple[Suite, Selection]:
    """Return what is served of the suite, and what `--only` says beside its targets."""
    if arguments.resume and (arguments.only or arguments.blocks or arguments.seed is not None):
        raise SuiteError(
            "--resume makes the runs that the session still lacks",
            hint="leave --only, --blocks and --seed away: the session knows its own",
        )
    selection = plan.parse_selection(arguments.only)
    names = selection.accepted.get("target", frozenset())
    rest = {word: wanted for word, wanted in selection.accepted.items() if word != "target"}
    return served_suite(load(arguments.suite), names), Selection(rest)


def _planned(suite: Suite, arguments: argparse.Namespace, only: Selection) -> Plan:
    drivers = {target.driver: driver(target.driver) for target in suite.targets}
    return plan.make(suite, drivers, blocks=arguments.blocks, seed=arguments.seed, only=only)


def _device_of_resumed(arguments: argparse.Namespace) -> str:
    """Return the slug of the device that a resumed session began with, '' for a new session."""
    if arguments.resume is None:
        return ""
    session = store.read_session(arguments.resume)
    slugs = {target.bench.partition("served:")[2] for target in session.targets}
    if len(slugs) != 1 or "" in slugs:
        raise StoreError(
            "this session was not begun by `edgebench serve`",
            where=str(arguments.resume),
            hint=f"run: edgebench run {arguments.suite} --resume {arguments.resume}",
        )
    return slugs.pop()


def _tls(arguments: argparse.Namespace, address: Address) -> tuple[ssl.SSLContext | None, str]:
    certificate, key = arguments.tls_cert, arguments.tls_key
    if (certificate is None) != (key is None) or (arguments.tls and certificate):
        raise SuiteError(
            "--tls-cert and --tls-key belong together, and --tls makes its own of both",
            hint="give both files, or --tls alone",
        )
    if certificate is not None:
        return context_of(certificate, key), ""
    return made_for(address.name) if arguments.tls else (None, "")


def _announce(
    arguments: argparse.Namespace,
    lobby: Lobby,
    fingerprint: str,
    emit: Callable[[Event], None],
) -> None:
    from harness.transports.served.qr_code import terminal_code

    emit(Serving(lobby.address, terminal_code(lobby.address), fingerprint, lobby.expected))
    if arguments.progress == "quiet":
        say(lobby.address)
    if not lobby.is_isolated:
        emit(Noticed(_NOT_ISOLATED))


def _joined(device: ConnectedDevice) -> BrowserJoined:
    return BrowserJoined(
        label=device.label,
        browser=device.family.text,
        user_agent=device.told.user_agent,
        threads=device.can_have_threads,
    )


def _one_at_a_time(show: Callable[[Event], None]) -> Callable[[Event], None]:
    """Let the server's threads tell of what they refuse while this one shows what is measured."""
    lock = threading.Lock()

    def emit(event: Event) -> None:
        with lock:
            show(event)

    return emit


def _shown_on_page(lobby: Lobby, emit: Callable[[Event], None]) -> Callable[[Event], None]:
    def follow(event: Event) -> None:
        lobby.progress = _after(lobby.progress, event)
        emit(event)

    return follow


def _after(progress: Progress, event: Event) -> Progress:
    match event:
        case SessionStarted(runs=runs):
            return Progress(0, runs)
        case BlockAdded(runs=runs) | Looked(runs=runs):
            return replace(progress, total=progress.total + runs)
        case ReferenceStarted(model=model):
            return replace(progress, now=f"The outputs of {model} are computed for comparison.")
        case RunStarted(run):
            return replace(progress, now=f"Now: {run_text(run)}.")
        case RunFinished():
            return replace(progress, done=progress.done + 1, now="")
        case _:
            return progress
