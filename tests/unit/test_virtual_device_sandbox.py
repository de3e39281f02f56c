"""The walls and the few programs of a virtual device's sandbox, and who may connect to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.virtual_device import peer, private_server, process_tree, sandbox
from harness.virtual_device.daemon import Daemon, accept_one
from harness.virtual_device.sandbox import Outside, Sandbox

SHELLS = [found for name in ("sh", "mksh", "bash") if (found := shutil.which(name))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    made = sandbox.make(tmp_path_factory.mktemp("device") / "root")
    (made.base / "out").symlink_to("/etc")
    (made.base / "in").symlink_to(made.root / "system")
    return made


parts = st.lists(
    st.one_of(st.sampled_from(["..", ".", "out", "in", "data", "tmp", ""]), st.text("ab/\n$ü'")),
    max_size=8,
)


@settings(deadline=None)
@given(parts, st.booleans(), st.booleans())
@example([".."] * 4, False, True)
def test_no_path_leads_out_of_the_sandbox(
    made: Sandbox, parts: list[str], follow: bool, inside: bool
) -> None:
    named = "/".join([str(made.base) if inside else "/", *parts])
    try:
        real = made.confine(os.fsencode(named), follow=follow)
    except Outside:
        return
    # lstat looks at the last part itself, but walks everything before it (and "..").
    looked_at = real if follow or real.name == ".." else real.parent
    assert Path(os.path.realpath(looked_at)).is_relative_to(made.root) or real == made.root


def test_the_way_to_a_file_inside_is_open(made: Sandbox) -> None:
    assert made.confine(bytes(made.base / "new"), follow=False) == made.base / "new"
    assert made.confine(bytes(made.base / "in" / "bin"), follow=True) == made.root / "system/bin"


@pytest.mark.parametrize("path", ["/etc/passwd", "out/passwd", "../../../../x", "relative", ""])
def test_ways_out_are_refused_with_words(made: Sandbox, path: str) -> None:
    named = path if path in {"relative", ""} else str(made.base / path)
    with pytest.raises(Outside, match=str(made.root)):
        made.confine(named.encode(), follow=True)


def test_a_link_that_leads_out_may_be_looked_at_but_not_followed(made: Sandbox) -> None:
    assert made.confine(bytes(made.base / "out"), follow=False) == made.base / "out"
    with pytest.raises(Outside):
        made.confine(bytes(made.base / "out"), follow=True)


@pytest.mark.parametrize("shell", SHELLS)
def test_getprop_answers_in_every_shell(made: Sandbox, shell: str) -> None:
    def ask(*names: str) -> str:
        program = made.root / "system" / "bin" / "getprop"
        return subprocess.check_output([shell, program, *names], text=True)

    assert ask("ro.product.model") == "edgebench virtual device\n"
    assert ask("ro.build.version.release") == "virtual\n"
    assert ask("persist.none") == "\n"
    assert ask("persist.none", "default") == "default\n"
    everything = ask().splitlines()
    expected = {f"[{key}]: [{value}]" for key, value in made.properties.items()}
    assert {line for line in everything if "ro.boottime.init" not in line} == expected


@pytest.mark.parametrize(
    ("machine", "abi"),
    [("x86_64", "x86_64"), ("aarch64", "arm64-v8a"), ("arm64", "arm64-v8a"), ("s390x", "s390x")],
)
def test_the_abi_is_that_of_this_host_in_androids_words(
    monkeypatch: pytest.MonkeyPatch, machine: str, abi: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert sandbox.properties()["ro.product.cpu.abi"] == abi


def test_a_command_gets_nothing_of_the_harness_environment(made: Sandbox) -> None:
    environment = made.environment("/usr/bin/python3")
    assert set(environment) == {
        "PATH",
        "HOME",
        "TMPDIR",
        "EDGEBENCH_VIRTUAL_DEVICE",
        "EDGEBENCH_PYTHON",
        "EDGEBENCH_SOCKETS",
    }
    assert environment["HOME"].startswith(str(made.root))


def test_ports_stay_away_from_those_of_adb_and_of_emulators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = iter([5037, 5554, 5585])
    real = socket.create_server

    def create_server(address: tuple[str, int], **options: int) -> socket.socket:
        port = next(ports, 0)
        if not port:
            return real(address)

        class Taken:
            def getsockname(self) -> tuple[str, int]:
                return "127.0.0.1", port

            def close(self) -> None:
                pass

        return Taken()  # type: ignore[return-value]  # stands in for a socket on that port

    monkeypatch.setattr(socket, "create_server", create_server)
    with private_server.listen() as listener:
        host, port = listener.getsockname()
    assert host == "127.0.0.1"
    assert port not in {5037, *range(5554, 5586)}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who is at the other end")
def test_only_the_process_that_was_named_may_connect() -> None:
    stranger = subprocess.Popen(["sleep", "30"])
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()),
        ):
            accepted, _ = listener.accept()
            with accepted:
                assert peer.comes_from(accepted, os.getpid())
                assert not peer.comes_from(accepted, stranger.pid)
                stranger.kill()
                stranger.wait()
                assert not peer.comes_from(accepted, stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_descendants_are_found_whatever_their_programs_are_called(tmp_path: Path) -> None:
    shell = tmp_path / "a (b) c"
    shell.symlink_to("/bin/sh")
    script = f"'{shell}' -c 'sleep 30; true' & echo $!; wait"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        child = int(started.stdout.readline())
        found = process_tree.descendants(os.getpid())
        for pid in process_tree.descendants(started.pid):
            os.kill(pid, 9)
        started.kill()
    assert {started.pid, child} <= set(found)


def test_a_stranger_who_connects_first_is_turned_away_and_then_nobody_is_awaited(
    made: Sandbox,
) -> None:
    asked = []

    def admits(connection: socket.socket) -> bool:
        asked.append(connection.getpeername())
        return len(asked) == 2

    async def scene() -> None:
        listener = private_server.listen()
        address = listener.getsockname()
        accepting = asyncio.create_task(
            accept_one(listener, admits, lambda: Daemon(made, "python"))
        )
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b""
        _, ours = await asyncio.open_connection(*address)
        daemon = await accepting
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        writer.close()
        ours.close()
        await daemon.ended.wait()

    asyncio.run(scene())
