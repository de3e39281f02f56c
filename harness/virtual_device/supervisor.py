"""The process that holds a virtual device together, and takes all of it away at the end.

It starts the private adb server and the device, each a process of its own, and ends both with
everything that ran on the device, and the folder, when its stdin ends (so whoever started it
may be killed with -9), on SIGTERM, and when either of the two goes away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.transports.adb import adb_version
from harness.virtual_device import peer, private_server, process_tree, sandbox
from harness.virtual_device.daemon import Daemon, accept_one

_END_S = 10.0
_LINGER_S = 2.0
_WATCHED = frozenset({signal.SIGTERM, signal.SIGCHLD})
_IGNORED = frozenset({signal.SIGINT, signal.SIGHUP})


def supervise(scratch: Path, adb: Path) -> int:
    """Run a virtual device until stdin ends; one line of JSON on stdout says where it is.

    The line has `adb_port`, `serial`, `sandbox`, `base`, `adb_version`, `server_pid` and
    `device_pid`; or, when it cannot start, `error`, `hint` and `kind`.
    """
    wake = _watch_signals()
    process_tree.adopt_orphans()
    root = Path(tempfile.mkdtemp(prefix="virtual-device-", dir=scratch))
    try:
        device, said = _start(root, adb)
        _say(said)
        _wait({device, said["server_pid"]}, wake)
    except HarnessError as error:
        _say({"error": error.message, "hint": error.hint, "kind": error.kind})
        return 1
    finally:
        process_tree.kill_descendants(_END_S)
        _remove(root)
    return 0


def _start(root: Path, adb: Path) -> tuple[int, dict[str, Any]]:
    home = root / "server"
    home.mkdir()
    made = sandbox.make(root / "device")
    version = adb_version(adb)
    listener = private_server.listen()
    with listener:
        server = private_server.start(adb, home)
        device_port = listener.getsockname()[1]
        device = _fork(partial(_serve, listener, made, server.process.pid, log=home / "device.txt"))
    serial = private_server.connect(server, device_port)
    return device, {
        "adb_port": server.port,
        "serial": serial,
        "sandbox": str(made.root),
        "base": str(made.base),
        "adb_version": version,
        "server_pid": server.process.pid,
        "device_pid": device,
    }


def _serve(listener: socket.socket, made: sandbox.Sandbox, server_pid: int, log: Path) -> None:
    """Be the device, in a process of its own."""
    logging.basicConfig(filename=log, level=logging.INFO, format="%(asctime)s %(message)s")

    async def serve() -> None:
        daemon = await accept_one(
            listener,
            admits=lambda connection: peer.comes_from(connection, server_pid),
            make=lambda: Daemon(made, sys.executable),
        )
        await daemon.ended.wait()
        await asyncio.wait_for(daemon.finish(), _LINGER_S)

    asyncio.run(serve())


def _fork(child: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        process_tree.die_with_parent()
        signal.set_wakeup_fd(-1)
        for number in _WATCHED | _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        child()
        code = 0
    except BaseException:
        logging.getLogger(__name__).exception("the device ended badly")
    finally:
        # Never back into the parent's stack: it would take the folder away.
        os._exit(code)


def _watch_signals() -> int:
    """Return a descriptor that can be read when a signal came that may be the end."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in _WATCHED:
        signal.signal(number, lambda *_: None)
    # Ctrl-C is for whoever started us; we end when they do.
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    return wake


def _wait(vital: set[int], wake: int) -> None:
    """Return when stdin ends, SIGTERM comes, or a vital process ends."""
    stdin = sys.stdin.fileno()
    while True:
        ready, _, _ = select.select([stdin, wake], [], [])
        if stdin in ready and not os.read(stdin, 1024):
            return
        if wake in ready:
            numbers = os.read(wake, 1024)
            if signal.SIGTERM in numbers or process_tree.reap() & vital:
                return


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _remove(root: Path) -> None:
    for folder, names, _ in os.walk(root):
        for name in names:
            # A program on the device may have taken its folder's permissions away.
            below = Path(folder, name)
            if not below.is_symlink():
                below.chmod(stat.S_IRWXU)
    shutil.rmtree(root)
